// Package rego evaluates bundles of Rego policies with OPA's library.
//
// A policy sees the question as input, in AuthZEN's words, and the data documents of its bundle. It reaches
// nothing else: neither the network nor the environment of the process. It is stopped when its time is over;
// its memory is not bounded, so bundles are for people who are trusted with the machine.
package rego

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/cardea-auth/cardea/internal/authz/point"
)

// Engine implements point.Evaluator.
type Engine struct{}

// maxFile bounds each file of a bundle, in bytes.
const maxFile = 8 << 20

// outside are the functions by which a policy would reach out of its bundle.
func outside(b *ast.Builtin) bool {
	return b.Name == "http.send" || b.Name == "net.lookup_ip_addr" || b.Name == "opa.runtime"
}

func capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(slices.Clone(c.Builtins), outside)
	c.AllowNet = []string{}
	return c
}

// Prepare reads and compiles a bundle.
func (Engine) Prepare(ctx context.Context, r point.Rego, b point.Bundle) (point.Prepared, error) {
	version := ast.RegoV1
	if r.Version == 0 {
		version = ast.RegoV0
	}
	var files bundle.DirectoryLoader
	if b.Dir != nil {
		var err error
		if files, err = bundle.NewFSLoader(b.Dir); err != nil {
			return nil, err
		}
	} else {
		files = bundle.NewTarballLoaderWithBaseURL(bytes.NewReader(b.Archive), "")
	}
	read, err := bundle.NewCustomReader(files).WithRegoVersion(version).WithCapabilities(capabilities()).
		WithSizeLimitBytes(maxFile).WithSkipBundleVerification(true).Read()
	if err != nil {
		return nil, err
	}
	if len(read.Modules) == 0 {
		return nil, errors.New("rego: the bundle holds no policy")
	}
	query, err := rego.New(
		rego.Query(r.Query), rego.ParsedBundle("bundle", &read), rego.Capabilities(capabilities()), rego.SetRegoVersion(version),
		rego.StrictBuiltinErrors(true),
	).PrepareForEval(ctx)
	if err != nil {
		return nil, err
	}
	return prepared{query}, nil
}

type prepared struct{ query rego.PreparedEvalQuery }

// Permits implements point.Prepared.
func (p prepared) Permits(ctx context.Context, q point.Question) (bool, error) {
	input := map[string]any{"subject": entity(q.Subject), "resource": entity(q.Resource), "action": map[string]any{"name": q.Action.Name}}
	if q.Action.Properties != nil {
		input["action"].(map[string]any)["properties"] = q.Action.Properties
	}
	if q.Context != nil {
		input["context"] = q.Context
	}
	set, err := p.query.Eval(ctx, rego.EvalInput(input))
	if err != nil || len(set) == 0 { // undefined permits nothing
		return false, err
	}
	if len(set) != 1 || len(set[0].Expressions) != 1 {
		return false, errors.New("rego: the rule has several values")
	}
	permits, ok := set[0].Expressions[0].Value.(bool)
	if !ok {
		return false, fmt.Errorf("rego: the rule is a %T, not a boolean", set[0].Expressions[0].Value)
	}
	return permits, nil
}

func entity(e point.Entity) map[string]any {
	out := map[string]any{"type": e.Type, "id": e.ID}
	if e.Properties != nil {
		out["properties"] = e.Properties
	}
	return out
}
