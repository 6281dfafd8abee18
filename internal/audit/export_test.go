package audit

import (
	"context"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// SealIfHolder is one round of Run for one tenant.
func (l *Log) SealIfHolder(ctx context.Context, t id.Tenant) error { return l.sealIfHolder(ctx, t) }
