package redis

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	driver "github.com/redis/go-redis/v9"
)

// errURL is the refusal of what is no URL of ours. It never repeats what was given, which may hold a
// password.
var errURL = errors.New("must be like redis://user:password@host:6379/0, or rediss:// for TLS")

// Errors of the parameters of a URL.
var (
	errAddress = errors.New("addr must be the host:port of a further server")
	errCluster = errors.New("cluster must be true or false, and a cluster has neither a master nor databases")
	errMaster  = errors.New("several addresses need master=NAME for Sentinel, or cluster=true")
)

// Check refuses a URL that Open would refuse, without connecting.
func Check(text string) error {
	_, err := parse(text)
	return err
}

// Hosts are the hosts that a URL names, for whoever decides what may be reached.
func Hosts(text string) []string {
	o, err := parse(text)
	if err != nil {
		return nil
	}
	var out []string
	for _, a := range o.Addrs {
		host, _, _ := net.SplitHostPort(a)
		out = append(out, host)
	}
	return out
}

// parse reads a URL: one server, or with further addr=host:port either the Sentinels that know
// master=NAME or nodes of a cluster (cluster=true).
func parse(text string) (*driver.UniversalOptions, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Opaque != "" || u.Fragment != "" || u.Hostname() == "" || strings.Contains(u.Hostname(), ":") != strings.HasPrefix(u.Host, "[") {
		return nil, errURL
	}
	o := &driver.UniversalOptions{Username: u.User.Username()}
	o.Password, _ = u.User.Password()
	if u.Scheme == "rediss" {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if path := strings.TrimPrefix(u.Path, "/"); path != "" {
		if o.DB, err = strconv.Atoi(path); err != nil || o.DB < 0 || o.DB > 1<<16 {
			return nil, errURL
		}
	}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	o.Addrs = []string{net.JoinHostPort(u.Hostname(), port)}
	return o, parameters(o, u.Query())
}

func parameters(o *driver.UniversalOptions, q url.Values) error {
	for name, values := range q {
		if !slices.Contains([]string{"addr", "master", "cluster"}, name) || name != "addr" && len(values) != 1 {
			return errors.New("knows the parameters addr, master and cluster, and no others")
		}
	}
	for _, a := range q["addr"] {
		host, port, err := net.SplitHostPort(a)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
			return errAddress
		}
		o.Addrs = append(o.Addrs, a)
	}
	o.MasterName = q.Get("master")
	if o.MasterName != "" { // Sentinels usually ask for the same password, or for none
		o.SentinelUsername, o.SentinelPassword = o.Username, o.Password
	}
	switch cluster := q.Get("cluster"); {
	case cluster != "" && cluster != "true" && cluster != "false", cluster == "true" && (o.MasterName != "" || o.DB != 0):
		return errCluster
	case cluster == "true":
		o.IsClusterMode = true
	case len(o.Addrs) > 1 && o.MasterName == "":
		return errMaster
	}
	return nil
}
