package authorize_test

import (
	"github.com/cardea-auth/cardea/internal/kit/secret"
	"github.com/cardea-auth/cardea/internal/oauth/authorize"
)

func codeOf(a authorize.Answer) secret.Value { return secret.New(a.Response.Get("code")) }
