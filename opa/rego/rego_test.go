package rego_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cardea-auth/cardea/internal/authz/point"
	"github.com/cardea-auth/cardea/opa/rego"
)

const query = "data.cardea.allow"

func dir(files ...string) point.Bundle {
	all := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		all[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return point.Bundle{Dir: all}
}

func archive(t *testing.T, files ...string) point.Bundle {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o600, Size: int64(len(files[i+1]))}); err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write([]byte(files[i+1]))
	}
	_, _ = w.Close(), z.Close()
	return point.Bundle{Archive: out.Bytes()}
}

const (
	v0 = "package cardea\ndefault allow = false\nallow { input.subject.id == data.owners[input.resource.id] }"
	v1 = "package cardea\ndefault allow := false\nallow if input.subject.id == data.owners[input.resource.id]"
	// owners is a data document.
	owners = `{"owners":{"1":"anne"}}`
)

// TestLanguages: both versions, from a directory and from an archive, with data; a manifest says for files of
// its own which one they are in.
func TestLanguages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		version int
		bundle  point.Bundle
	}{
		"v0":              {0, dir("policy.rego", v0, "data.json", owners)},
		"v1":              {1, dir("deep/policy.rego", v1, "data.json", owners)},
		"v1 in a tar":     {1, archive(t, "policy.rego", v1, "data.json", owners)},
		"v0 in a tar":     {0, archive(t, "policy.rego", v0, "data.json", owners)},
		"by its manifest": {1, dir(".manifest", `{"rego_version":1,"file_rego_versions":{"/policy.rego":0}}`, "policy.rego", v0, "data.json", owners)},
	} {
		p, err := rego.Engine{}.Prepare(t.Context(), point.Rego{Version: c.version, Query: query}, c.bundle)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for subject, want := range map[string]bool{"anne": true, "bob": false} {
			q := point.Question{Subject: point.Entity{Type: "user", ID: subject}, Resource: point.Entity{Type: "doc", ID: "1"}}
			if got, err := p.Permits(t.Context(), q); err != nil || got != want {
				t.Errorf("%s: %s %v, %v", name, subject, got, err)
			}
		}
	}
}

// TestUnsound: what does not compile, or reaches outside, is not made ready.
func TestUnsound(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]point.Bundle{
		"nothing":       dir(),
		"no policy":     dir("data.json", owners),
		"garbage":       dir("policy.rego", "package cardea\nallow if {"),
		"other version": dir("policy.rego", v0),
		"not a tar":     {Archive: []byte("<html>")},
		"network":       dir("policy.rego", "package cardea\nallow if http.send({\"method\":\"get\",\"url\":\"http://127.0.0.1\"}).status_code == 200"),
		"names":         dir("policy.rego", "package cardea\nallow if count(net.lookup_ip_addr(\"a.example\")) > 0"),
		"environment":   dir("policy.rego", "package cardea\nallow if opa.runtime().env.HOME"),
		"large":         dir("policy.rego", v1, "data.json", `{"x":"`+strings.Repeat("x", 9<<20)+`"}`),
	} {
		if _, err := (rego.Engine{}).Prepare(t.Context(), point.Rego{Version: 1, Query: query}, b); err == nil {
			t.Errorf("%s: is ready", name)
		}
	}
}

// TestFailures: only true permits; what fails or does not end is an error.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule string
		want bool
		fail bool
	}{
		"true":      {"allow := true", true, false},
		"false":     {"allow := false", false, false},
		"undefined": {"allow if input.nothing", false, false},
		"no rule":   {"other := true", false, false},
		"a text":    {`allow := "true"`, false, true},
		"a number":  {"allow := 1", false, true},
		"a set":     {"allow contains 1", false, true},
		"a failure": {`allow if to_number("x") == 1`, false, true},
		"conflict":  {"allow := true if input.subject.id\nallow := false if input.subject.type", false, true},
		"no end":    {"allow if { some i in numbers.range(1, 3000); some j in numbers.range(1, 3000); some k in numbers.range(1, 3000); i + j + k == 0 }", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := rego.Engine{}.Prepare(t.Context(), point.Rego{Version: 1, Query: query}, dir("policy.rego", "package cardea\n"+c.rule))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			began := time.Now()
			got, err := p.Permits(ctx, point.Question{Subject: point.Entity{Type: "user", ID: "anne"}})
			if got != c.want || (err != nil) != c.fail {
				t.Errorf("%v, %v", got, err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}
