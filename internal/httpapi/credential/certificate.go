package credential

import (
	"crypto/x509"
	"net/http"
	"strings"

	"github.com/cardea-auth/cardea/internal/kit/errs"
	"github.com/cardea-auth/cardea/internal/kit/strict"
)

// CertificateHeader is where a proxy that ends TLS puts the client's certificate (RFC 9440).
const CertificateHeader = "Client-Cert"

// ClientCertificate is the certificate that the client of a request has shown: to us or, if
// proxied, to the trusted proxy that the request came from. In the second case the certificate of
// the connection is the proxy's and proves nothing about the client. Nothing is verified here: which
// certificates are good is known to the domain that registered them.
func ClientCertificate(r *http.Request, proxied bool) (*x509.Certificate, error) {
	if !proxied {
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
			return nil, nil
		}
		return r.TLS.PeerCertificates[0], nil
	}
	values := r.Header[CertificateHeader]
	if len(values) == 0 {
		return nil, nil
	}
	// RFC 9440, section 2.1: a byte sequence of structured fields, base64 between colons.
	v := strings.Trim(values[0], " ")
	if len(values) > 1 || len(v) < 2 || len(v) > maxCertificate || v[0] != ':' || v[len(v)-1] != ':' {
		return nil, badCertificate()
	}
	der, err := strict.Base64(v[1 : len(v)-1])
	if err != nil {
		return nil, badCertificate()
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, badCertificate()
	}
	return cert, nil
}

const maxCertificate = 16 << 10

func badCertificate() error {
	return errs.New(errs.Invalid, "malformed_request", "The client certificate was not handed on well-formed.")
}
