package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"

	"github.com/cardea-auth/cardea/internal/kit/secret"
)

// Sizes of keys and signatures.
const (
	rsaBits   = 2048
	es256Half = 32 // bytes of r and of s (RFC 7518, section 3.4)
)

// pair is the material of a key. private is nil once the key has ceased to sign.
type pair struct {
	alg     Alg
	private crypto.Signer
	public  crypto.PublicKey
}

// generate makes a new pair for alg.
func generate(alg Alg) (pair, error) {
	var private crypto.Signer
	var err error
	switch alg {
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	case RS256, PS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	default:
		err = fmt.Errorf("keyring: no algorithm %q", alg)
	}
	if err != nil {
		return pair{}, fmt.Errorf("making a key: %w", err)
	}
	return pair{alg: alg, private: private, public: private.Public()}, nil
}

// seal writes both halves down: PKCS #8 (RFC 5208) and SubjectPublicKeyInfo (RFC 5280).
func (p pair) seal() (private, public secret.Value, err error) {
	a, err1 := x509.MarshalPKCS8PrivateKey(p.private)
	b, err2 := x509.MarshalPKIXPublicKey(p.public)
	return secret.New(string(a)), secret.New(string(b)), errors.Join(err1, err2)
}

// openPair reads what seal wrote. Each half may be missing. The public half is taken from the private
// one where there is one.
func openPair(alg Alg, private, public secret.Value) (pair, error) {
	p := pair{alg: alg}
	if !private.Empty() {
		key, err := x509.ParsePKCS8PrivateKey([]byte(private.Reveal()))
		if err != nil {
			return pair{}, errors.New("keyring: a private key cannot be read") // the cause might quote it
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return pair{}, errors.New("keyring: a private key cannot sign")
		}
		p.private, p.public = signer, signer.Public()
	} else if !public.Empty() {
		key, err := x509.ParsePKIXPublicKey([]byte(public.Reveal()))
		if err != nil {
			return pair{}, fmt.Errorf("reading a public key: %w", err)
		}
		p.public = key
	}
	if p.public != nil && !fitsAlg(alg, p.public) {
		return pair{}, fmt.Errorf("keyring: a key is not of algorithm %s", alg)
	}
	return p, nil
}

// fitsAlg reports whether a public key is of the type and size that alg needs.
func fitsAlg(alg Alg, public crypto.PublicKey) bool {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		return alg == ES256 && k.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return alg == EdDSA
	case *rsa.PublicKey:
		return (alg == RS256 || alg == PS256) && k.N.BitLen() >= rsaBits
	}
	return false
}

// sign is the JWS signature over input (RFC 7518, section 3; RFC 8037, section 3.1).
func (p pair) sign(input []byte) ([]byte, error) {
	switch k := p.private.(type) {
	case *ecdsa.PrivateKey:
		digest := sha256.Sum256(input)
		r, s, err := ecdsa.Sign(rand.Reader, k, digest[:])
		if err != nil {
			return nil, err
		}
		out := make([]byte, 2*es256Half)
		r.FillBytes(out[:es256Half]) // left padded: one r in 256 is shorter
		s.FillBytes(out[es256Half:])
		return out, nil
	case ed25519.PrivateKey:
		return ed25519.Sign(k, input), nil
	case *rsa.PrivateKey:
		digest := sha256.Sum256(input)
		if p.alg == PS256 {
			return rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], pss())
		}
		return rsa.SignPKCS1v15(nil, k, crypto.SHA256, digest[:])
	}
	return nil, errors.New("keyring: the key does not sign any more")
}

// verify reports whether signature is the pair's over input.
func (p pair) verify(input, signature []byte) bool {
	switch k := p.public.(type) {
	case *ecdsa.PublicKey:
		if len(signature) != 2*es256Half {
			return false
		}
		digest := sha256.Sum256(input)
		// Verify refuses an r or s outside of 1 … n−1 (CVE-2022-21449).
		r, s := new(big.Int).SetBytes(signature[:es256Half]), new(big.Int).SetBytes(signature[es256Half:])
		return ecdsa.Verify(k, digest[:], r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(k, input, signature)
	case *rsa.PublicKey:
		digest := sha256.Sum256(input)
		if p.alg == PS256 {
			return rsa.VerifyPSS(k, crypto.SHA256, digest[:], signature, pss()) == nil
		}
		return p.alg == RS256 && rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}

// pss are the parameters of PS256: the salt is as long as the hash (RFC 7518, section 3.5).
func pss() *rsa.PSSOptions {
	return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
}
