package keyring

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/id"
	"github.com/cardea-auth/cardea/internal/kit/strict"
)

// MaxToken is the length of a token, in bytes, beyond which none is signed or looked at.
const MaxToken = 8 << 10

// Claims write themselves as one JSON object, byte for byte the same each time.
type Claims interface {
	AppendJSON(b []byte) ([]byte, error)
}

// claimsSize is what the claims of most tokens need, so that their buffer is allocated once.
const claimsSize = 768

// compact signs claims as a token of the given kind: JWS compact serialisation (RFC 7515, section
// 7.1).
func (k *key) compact(kind Kind, claims Claims) (string, error) {
	head := k.headers[kind]
	if head == "" {
		return "", errs.Wrap(errs.Internal, errors.New("keyring: the key is for another purpose"), "", "Something went wrong on our side.")
	}
	payload, err := claims.AppendJSON(make([]byte, 0, claimsSize))
	if err != nil {
		return "", errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	if !bytes.HasPrefix(payload, []byte("{")) || !bytes.HasSuffix(payload, []byte("}")) {
		return "", errs.Wrap(errs.Internal, errors.New("keyring: claims are no object"), "", "Something went wrong on our side.")
	}
	encoding := base64.RawURLEncoding
	out := make([]byte, 0, len(head)+encoding.EncodedLen(len(payload))+1+k.signatureLen())
	out = encoding.AppendEncode(append(out, head...), payload)
	if cap(out) > MaxToken {
		return "", errs.New(errs.Precondition, "token_too_large", "The token would be larger than %d bytes.", MaxToken)
	}
	signature, err := k.sign(out)
	if err != nil {
		return "", errs.Wrap(errs.Internal, err, "", "Something went wrong on our side.")
	}
	return string(encoding.AppendEncode(append(out, '.'), signature)), nil
}

// signatureLen is the length of an encoded signature.
func (k *key) signatureLen() int {
	if k.alg == RS256 || k.alg == PS256 {
		return base64.RawURLEncoding.EncodedLen(rsaBits / 8)
	}
	return base64.RawURLEncoding.EncodedLen(2 * es256Half) // Ed25519 signatures have the same length
}

// Verified is what is known of a token whose signature is good.
type Verified struct {
	Claims []byte // the payload, as it was signed
	KeyID  string
	Alg    Alg
}

// errToken is the one answer to a token that is not ours, whatever is wrong with it.
func errToken() error {
	return errs.New(errs.Unauthenticated, "token_invalid", "The token is not valid.")
}

// Verify checks a token that this server signed for tenant t: the signature by a key that counts, and
// the kind. Times, audience, issuer and revocation are the caller's to check. Unauthenticated with
// code token_invalid for anything else; Unavailable if the keys could not be read.
//
// Nothing of a stranger's is parsed before the signature is good: the header must be, byte for byte,
// one that a key of the tenant writes, which settles algorithm, key and type at once and leaves no
// room for other members (RFC 8725, sections 3.1 and 3.10).
func (r *Ring) Verify(ctx context.Context, t id.Tenant, kind Kind, token string) (Verified, error) {
	parts, ok := split(token)
	if !ok {
		return Verified{}, errToken()
	}
	h, err := r.writer(ctx, t, parts.header)
	if err != nil {
		return Verified{}, err
	}
	if h.key == nil || h.kind != kind {
		return Verified{}, errToken()
	}
	signature, err := strict.Base64URL(parts.signature)
	if err != nil || !h.key.verify([]byte(token[:len(parts.header)+len(parts.payload)]), signature) {
		return Verified{}, errToken()
	}
	claims, err := strict.Base64URL(parts.payload)
	if err != nil {
		return Verified{}, errToken()
	}
	return Verified{Claims: claims, KeyID: h.key.id, Alg: h.key.alg}, nil
}

// writer is the key that writes this header. A header that nobody knows has the keys read again, if
// they have not been for a while: another node may have made one in an emergency.
func (r *Ring) writer(ctx context.Context, t id.Tenant, text string) (header, error) {
	v, err := r.view(ctx, t)
	if err != nil {
		return header{}, err
	}
	if h, ok := v.byHeader[text]; ok {
		return h, nil
	}
	if v, err = r.within(ctx, t, missAge); err != nil {
		return header{}, err
	}
	return v.byHeader[text], nil
}

// VerifyAccess returns the claims of an access token of tenant t and the id of its key. See Verify.
func (r *Ring) VerifyAccess(ctx context.Context, t id.Tenant, token string) (claims []byte, keyID string, err error) {
	v, err := r.Verify(ctx, t, AccessToken, token)
	return v.Claims, v.KeyID, err
}

// VerifyID returns the claims of an id token of tenant t. See Verify.
func (r *Ring) VerifyID(ctx context.Context, t id.Tenant, token string) (claims []byte, err error) {
	v, err := r.Verify(ctx, t, IDToken, token)
	return v.Claims, err
}

// Counts reports whether signatures by a key of tenant t still count, for those who remember tokens
// that they have verified.
func (r *Ring) Counts(ctx context.Context, t id.Tenant, keyID string) (bool, error) {
	v, err := r.view(ctx, t)
	if err != nil {
		return false, err
	}
	return v.byID[keyID] != nil, nil
}

// segments are the parts of a compact token. header keeps its dot.
type segments struct{ header, payload, signature string }

// split takes a token apart; false if it is too long or has not three parts. It allocates nothing.
func split(token string) (segments, bool) {
	if len(token) > MaxToken {
		return segments{}, false
	}
	first := strings.IndexByte(token, '.')
	last := strings.LastIndexByte(token, '.')
	if first <= 0 || last <= first+1 || last == len(token)-1 {
		return segments{}, false
	}
	s := segments{header: token[:first+1], payload: token[first+1 : last], signature: token[last+1:]}
	return s, !strings.Contains(s.payload, ".")
}
