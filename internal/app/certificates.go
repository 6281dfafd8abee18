package app

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// certificates serves a certificate from files and reads them again when they change, so that a
// renewed certificate needs no restart.
type certificates struct {
	cert, key string
	now       func() time.Time

	mu      sync.Mutex
	loaded  *tls.Certificate
	changed time.Time // modification time of the certificate that is loaded
	checked time.Time
}

// recheck is how often the files are looked at.
const recheck = 10 * time.Second

func newCertificates(cert, key string, now func() time.Time) (*certificates, error) {
	c := &certificates{cert: cert, key: key, now: now}
	if _, err := c.get(nil); err != nil {
		return nil, err
	}
	return c, nil
}

// get is for tls.Config.GetCertificate. Files that cannot be read leave the old certificate in use:
// it is better than none, and expires by itself.
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded != nil && c.now().Sub(c.checked) < recheck {
		return c.loaded, nil
	}
	c.checked = c.now()
	info, err := os.Stat(c.cert)
	if err == nil && c.loaded != nil && info.ModTime().Equal(c.changed) {
		return c.loaded, nil
	}
	pair, loadErr := tls.LoadX509KeyPair(c.cert, c.key)
	if err == nil {
		err = loadErr
	}
	if err != nil {
		if c.loaded != nil {
			return c.loaded, nil
		}
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	c.loaded, c.changed = &pair, info.ModTime()
	return c.loaded, nil
}
