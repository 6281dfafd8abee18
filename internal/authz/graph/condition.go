package graph

import "context"

// Condition is what must hold besides for a tuple to count. The zero value is none.
type Condition struct {
	Name string
	// Context are the values that the tuple brings for the condition's parameters, as the text of a
	// JSON object; empty for none. The graph does not read it.
	Context string
}

// Conditions are the conditions of a model. The graph knows their names and asks for the rest;
// package condition implements it. It may be asked by many goroutines at once.
type Conditions interface {
	// Has reports whether there is a condition of the name.
	Has(name string) bool
	// Bind prepares a condition for tuples that carry it with a context. An error refuses the
	// tuple: the name is unknown, or the context does not fit the parameters. Equal arguments
	// must always be answered alike.
	Bind(name, context string) (Bound, error)
}

// Bound is a condition with the context of the tuples that carry it.
type Bound interface {
	// Evaluate decides for what a request knows. One of four things happens: it holds, it does
	// not, it lacks values for the parameters named in missing, or it fails by err. With missing
	// or err, holds means nothing.
	Evaluate(ctx context.Context, given map[string]any) (holds bool, missing []string, err error)
}
