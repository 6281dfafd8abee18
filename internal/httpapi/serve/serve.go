// Package serve holds the listeners' side of the doors: the limits of connections that protect a
// server from slow and endless requests, TLS with certificates that are read again when their files
// change, the redirect from http to https, and the private handler for health and metrics.
//
// It knows nothing of what is served.
package serve

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/internal/kit/errs"
)

// Times and sizes that one connection may take. An honest client needs a fraction of each.
const (
	readHeader = 5 * time.Second  // slowloris: the header arrives in this time or not at all
	readAll    = 30 * time.Second // 64 KiB at 2 KiB/s
	writeAll   = 60 * time.Second // longer answers, such as feeds, move their own deadline
	idle       = 2 * time.Minute  // longer than proxies keep theirs, so that they close first
	maxHeader  = 32 << 10
	maxStreams = 100 // of one HTTP/2 connection
)

// Server is an http.Server with our limits. c is nil for plain HTTP. Errors of connections
// go to log at debug level: whoever scans the port must not fill the disk.
func Server(h http.Handler, c *Certificates, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeader, ReadTimeout: readAll, WriteTimeout: writeAll, IdleTimeout: idle,
		MaxHeaderBytes: maxHeader,
		// OPTIONS * would otherwise be answered before the doorstep sees it.
		DisableGeneralOptionsHandler: true,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if c != nil {
		s.TLSConfig = c.Config()
	}
	return s
}

// CheckIssuer refuses an issuer that would put passwords and tokens on the wire in the clear: http is
// for this machine only (RFC 8414, section 2, asks for https).
func CheckIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Hostname() == "" {
		return errs.New(errs.Invalid, "invalid_issuer", "The issuer must be an address like https://id.example.com.")
	}
	if u.Scheme == "https" || (u.Scheme == "http" && Loopback(u.Hostname())) {
		return nil
	}
	return errs.New(errs.Invalid, "invalid_issuer",
		"An issuer that is not on this machine must use https: over http everybody on the way reads passwords and tokens.")
}

// Loopback reports whether a host name or address can only be this machine.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}

// ToHTTPS answers every request on the port of http with a redirect to the same path under origin,
// which is https and configured: nothing from the request chooses the host. Only reads are
// redirected; a write has already sent its body in the clear, and is told so.
func ToHTTPS(origin string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Connection", "close")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "Use https.", http.StatusUpgradeRequired)
			return
		}
		path := r.URL.EscapedPath()
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsRune(path, '\\') {
			path = "/"
		}
		if r.URL.RawQuery != "" {
			path += "?" + r.URL.RawQuery
		}
		h.Set("Location", origin+path)
		w.WriteHeader(http.StatusPermanentRedirect)
	})
}
