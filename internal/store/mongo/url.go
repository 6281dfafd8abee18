package mongo

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// errURL is the refusal of what is no URL of ours. It never repeats what was given, which may hold a
// password.
var errURL = errors.New("must be like mongodb://user:password@host1:27017,host2:27017/database?replicaSet=rs0 or mongodb+srv://user:password@cluster/database")

// Schemes of URLs.
const (
	scheme    = "mongodb://"
	schemeSRV = "mongodb+srv://"
)

// Is reports whether a URL is for this engine.
func Is(text string) bool {
	return strings.HasPrefix(text, "mongodb:") || strings.HasPrefix(text, "mongodb+srv:")
}

// parsed is a URL in its parts. The hosts stay as they are: net/url knows one host only.
type parsed struct {
	scheme, user, hosts, database string
	query                         url.Values
}

// Check refuses a URL that Open would refuse, without connecting or asking for names.
func Check(text string) error {
	p, err := parse(text)
	if err != nil {
		return err
	}
	plain := p
	plain.scheme = scheme // the driver asks for the names of the other one
	if options.Client().ApplyURI(plain.text()).Validate() != nil {
		return errURL
	}
	return nil
}

// HasPassword reports whether a URL holds a password, or cannot be read.
func HasPassword(text string) bool {
	p, err := parse(text)
	return err != nil || strings.Contains(p.user, ":") || p.query.Has("authMechanismProperties") || p.query.Has("tlsCertificateKeyFilePassword")
}

// parse reads a URL. Where a server is not on this machine and the URL does not say how to trust it (tls),
// its certificate must be good.
func parse(text string) (parsed, error) {
	p := parsed{scheme: scheme}
	rest, ok := strings.CutPrefix(text, scheme)
	if !ok {
		p.scheme = schemeSRV
		if rest, ok = strings.CutPrefix(text, schemeSRV); !ok {
			return parsed{}, errURL
		}
	}
	authority, tail, _ := strings.Cut(rest, "/")
	if at := strings.LastIndex(authority, "@"); at >= 0 {
		p.user, authority = authority[:at], authority[at+1:]
	}
	database, query, _ := strings.Cut(tail, "?")
	var err error
	if p.query, err = url.ParseQuery(query); err != nil {
		return parsed{}, errURL
	}
	p.hosts, p.database = authority, database
	if p.hosts == "" || p.database == "" || strings.ContainsAny(p.database, `/\. "$*<>:|?%`) {
		return parsed{}, errURL
	}
	if p.scheme == scheme && !p.query.Has("tls") && !p.query.Has("ssl") && slices.ContainsFunc(strings.Split(p.hosts, ","), far) {
		p.query.Set("tls", "true")
	}
	return p, nil
}

func (p parsed) text() string {
	user := p.user
	if user != "" {
		user += "@"
	}
	return p.scheme + user + p.hosts + "/" + p.database + "?" + p.query.Encode()
}

// client are the options that the URL says, and those that it cannot change: the primary is read and written,
// and a write is acknowledged when the majority has it on its disks.
func (p parsed) client() (*options.ClientOptions, error) {
	o := options.Client().ApplyURI(p.text())
	if o.Validate() != nil {
		return nil, errURL
	}
	journal := true
	o.SetReadPreference(readpref.Primary()).SetReadConcern(readconcern.Local())
	o.SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal})
	if !p.query.Has("serverSelectionTimeoutMS") {
		o.SetServerSelectionTimeout(defaultWithin)
	}
	if !p.query.Has("connectTimeoutMS") {
		o.SetConnectTimeout(defaultWithin)
	}
	if !p.query.Has("maxPoolSize") {
		o.SetMaxPoolSize(defaultConnections)
	}
	if !p.query.Has("appName") {
		o.SetAppName("cardea")
	}
	return o, nil
}

// far reports whether a server is reached through a network.
func far(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" || strings.HasSuffix(host, ".sock") {
		return false
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err != nil || !a.IsLoopback()
}
