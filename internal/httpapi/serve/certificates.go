package serve

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookAgain is how often the files of a certificate are looked at, at most.
const lookAgain = 5 * time.Second

// Certificates is a certificate with its key in two PEM files. When the files change they are read
// again at the next handshake, so that renewal needs no restart. A pair that cannot be read or does
// not fit together, as in the moment between the writing of the two files, is logged and the old one
// stays in use.
type Certificates struct {
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger
	askForClient      bool

	mu      sync.Mutex
	looked  time.Time
	stamp   [2]fileStamp
	current *tls.Certificate
}

// fileStamp is by what a change of a file is seen.
type fileStamp struct {
	modified time.Time
	size     int64
}

// LoadCertificates reads the pair. askForClient makes the server ask every client for a certificate,
// without demanding one: for listeners that services with client certificates talk to (RFC 8705).
// Browsers show a dialogue then.
func LoadCertificates(certFile, keyFile string, askForClient bool, now func() time.Time, log *slog.Logger) (*Certificates, error) {
	c := &Certificates{certFile: certFile, keyFile: keyFile, askForClient: askForClient, now: now, log: log}
	stamp, err := c.stamps()
	if err != nil {
		return nil, err
	}
	if c.current, err = c.read(); err != nil {
		return nil, err
	}
	c.stamp, c.looked = stamp, now()
	return c, nil
}

// Config is the TLS configuration of a server: TLS 1.2 with forward secrecy and authenticated
// encryption only, or TLS 1.3 (RFC 9325, sections 3.1 and 4.2).
func (c *Certificates) Config() *tls.Config {
	t := &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: c.get,
		Time:           c.now,
	}
	if c.askForClient {
		t.ClientAuth = tls.RequestClientCert
	}
	return t
}

// Expires is when the certificate in use ends, for health checks.
func (c *Certificates) Expires() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current.Leaf == nil {
		return time.Time{}
	}
	return c.current.Leaf.NotAfter
}

func (c *Certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= lookAgain {
		c.looked = now
		c.refresh()
	}
	return c.current, nil
}

// refresh reads the files again if they have changed.
func (c *Certificates) refresh() {
	stamp, err := c.stamps()
	if err == nil && stamp == c.stamp {
		return
	}
	var fresh *tls.Certificate
	if err == nil {
		fresh, err = c.read()
	}
	if err != nil {
		c.log.Error("the TLS certificate cannot be read again; the old one stays in use", "error", err.Error())
		return
	}
	c.current, c.stamp = fresh, stamp
	c.log.Info("the TLS certificate was read again", "expires", fresh.Leaf.NotAfter)
}

func (c *Certificates) stamps() (s [2]fileStamp, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		f, err := os.Stat(name)
		if err != nil {
			return s, fmt.Errorf("looking at the TLS certificate: %w", err)
		}
		s[i] = fileStamp{f.ModTime(), f.Size()}
	}
	return s, nil
}

func (c *Certificates) read() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the TLS certificate: %w", err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, fmt.Errorf("reading the TLS certificate: %w", err)
		}
	}
	return &pair, nil
}
