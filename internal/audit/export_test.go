package audit

import (
	"context"

	"github.com/cardea-auth/cardea/internal/kit/id"
)

// SealIfHolder is one round of Run for one tenant.
func (l *Log) SealIfHolder(ctx context.Context, t id.Tenant) error { return l.sealIfHolder(ctx, t) }

// Frontier reads the stored peaks of a tree and writes them again.
func Frontier(size int64, peaks []byte) ([]byte, error) {
	f, err := readFrontier(size, peaks)
	return f.bytes(), err
}
