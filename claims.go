package cardea

import (
	"slices"
	"strings"
	"time"
)

// epochs counts how often each thing behind a token had been revoked when it was minted.
type epochs struct{ session, user, client, tenant, consent uint64 }

// verified is a token whose signature and claims were found good once. What can change with time —
// the clock, the key set, revocations — is looked at again on every use.
type verified struct {
	caller    Caller
	key       *signingKey
	notBefore int64 // Unix seconds; 0 if the token does not say
	issued    int64
	expires   int64
	epochs    epochs
}

// readClaims turns the payload of a token with a good signature into a verified token, if every claim
// that RFC 9068 section 2.2 requires is there and of the right type. Times are checked by inTime.
func (c Config) readClaims(t jws, key *signingKey) (*verified, *Error) {
	payload, err := strictBase64.DecodeString(t.payload)
	if err != nil {
		return nil, invalid("The token's claims are not readable.")
	}
	claims, err := decodeObject(payload)
	if err != nil {
		return nil, invalid("The token's claims are not readable.")
	}
	if claims["iss"] != c.Issuer {
		return nil, invalid("The token is from another issuer.")
	}
	if !namesAudience(claims["aud"], c.Audience) {
		return nil, invalid("The token is for another audience.")
	}
	if _, bound := claims["cnf"]; bound {
		return nil, invalid("The token is bound to a key and cannot be used as a bearer token.")
	}
	v := &verified{key: key}
	if !v.readWho(claims) || !v.readTimes(claims) || !v.readStrength(claims) || !v.readEpochs(claims) {
		return nil, invalid("A claim of the token is missing or has the wrong type.")
	}
	v.caller.payload = payload
	return v, nil
}

// namesAudience reports whether aud, one string or a list of strings (RFC 7519 section 4.1.3), holds
// exactly the wanted audience. Any other type, also inside the list, is refused.
func namesAudience(aud any, want string) bool {
	if s, ok := aud.(string); ok {
		return s == want
	}
	list, ok := optionalStrings(map[string]any{"aud": aud}, "aud")
	return ok && slices.Contains(list, want)
}

func (v *verified) readWho(claims map[string]any) bool {
	var ok [6]bool
	v.caller.Subject, ok[0] = stringOf(claims, "sub")
	v.caller.ClientID, ok[1] = stringOf(claims, "client_id")
	v.caller.TokenID, ok[2] = stringOf(claims, "jti")
	v.caller.SessionID, ok[3] = optionalString(claims, "sid")
	v.caller.Organisation, ok[4] = optionalString(claims, "org_id")
	var scope string
	scope, ok[5] = optionalString(claims, "scope")
	v.caller.scopes = strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' }) // RFC 6749 section 3.3: blanks only
	return !slices.Contains(ok[:], false)
}

func (v *verified) readTimes(claims map[string]any) bool {
	var ok bool
	if v.expires, ok = secondsOf(claims["exp"]); !ok {
		return false
	}
	if v.issued, ok = secondsOf(claims["iat"]); !ok || v.issued > v.expires {
		return false
	}
	if nbf, present := claims["nbf"]; present {
		if v.notBefore, ok = secondsOf(nbf); !ok {
			return false
		}
	}
	v.caller.IssuedAt = time.Unix(v.issued, 0).UTC()
	v.caller.Expires = time.Unix(v.expires, 0).UTC()
	return true
}

func (v *verified) readStrength(claims map[string]any) bool {
	var okACR, okAMR, okRoles bool
	v.caller.ACR, okACR = optionalString(claims, "acr")
	v.caller.amr, okAMR = optionalStrings(claims, "amr")
	v.caller.roles, okRoles = optionalStrings(claims, "roles")
	if at, present := claims["auth_time"]; present {
		s, ok := secondsOf(at)
		if !ok || s > v.issued {
			return false
		}
		v.caller.AuthTime = time.Unix(s, 0).UTC()
	}
	return okACR && okAMR && okRoles
}

func (v *verified) readEpochs(claims map[string]any) bool {
	ep, present := claims["ep"]
	if !present {
		return true
	}
	object, ok := ep.(map[string]any)
	if !ok {
		return false
	}
	for name, target := range map[string]*uint64{
		"s": &v.epochs.session, "u": &v.epochs.user, "c": &v.epochs.client, "t": &v.epochs.tenant, "g": &v.epochs.consent,
	} {
		value, present := object[name]
		if !present {
			continue
		}
		if *target, ok = uintOf(value); !ok {
			return false
		}
	}
	return true
}

// inTime checks the token's times against the clock (RFC 7519 sections 4.1.4 to 4.1.6).
func (v *verified) inTime(now time.Time, leeway time.Duration) *Error {
	if !now.Before(time.Unix(v.expires, 0).Add(leeway)) {
		return expired()
	}
	latest := now.Add(leeway)
	if time.Unix(v.issued, 0).After(latest) || time.Unix(v.notBefore, 0).After(latest) {
		return invalid("The token is not valid yet.")
	}
	return nil
}

// size is about how much memory remembering the token takes.
func (v *verified) size() int { return 512 + 3*len(v.caller.payload) }
