package tokens_test

import (
	"testing"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/oauth/tokens"
)

// FuzzParseClaims: claims with a good signature may still be those of another kind of token, or of an
// older version of ours. Nothing that an access token needs is ever taken for granted.
func FuzzParseClaims(f *testing.F) {
	const issuer = "https://id.example.com"
	for _, seed := range []string{
		`{"iss":"https://id.example.com","aud":"a","sub":"u","client_id":"c","jti":"j","exp":2,"iat":1,"scope":"openid","ep":{"u":1}}`,
		`{"iss":"https://id.example.com","aud":["a","b"],"sub":"c","client_id":"c","jti":"j","exp":2}`,
		`{"iss":"https://id.example.com","aud":null,"sub":"u","client_id":"c","jti":"j","exp":2}`,
		`{"iss":"https://id.example.com","aud":"c","sub":"u","sid":"s","exp":1,"iat":1,"nonce":"n"}`,
		`{"iss":"https://evil.example","aud":"a","sub":"u","client_id":"c","jti":"j","exp":2}`,
		`{"iss":1}`, `[]`, ``, `{"aud":{}}`, `{"exp":1e30}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, claims []byte) {
		got, err, hint := tokens.ParseClaims(claims, issuer)
		if err == nil && (got.Client == "" || got.JTI == "" || len(got.Audience) == 0 || got.Expires.IsZero() || got.Subject() == "") {
			t.Fatalf("%q is read as %+v", claims, got)
		}
		for _, e := range []error{err, hint} {
			if e != nil && !errs.Is(e, errs.Unauthenticated) {
				t.Fatalf("%q: %v", claims, e)
			}
		}
	})
}
