// Package condition decides the conditions that relation tuples carry: "bob may read the plan, if he
// asks from the office". A condition has a name, typed parameters and an expression in the Common
// Expression Language (https://github.com/google/cel-spec), as in the modelling language of OpenFGA.
//
//	ParseType("map<string>")     the type of a parameter
//	Compile(config, sources...)  checks the types of every expression, once; a Set
//	Set.Bind(name, context)      a condition with what a tuple brings, converted once
//	Bound.Evaluate(ctx, given)   true, false, or the parameters that are missing
//
// # Three answers
//
// A parameter that neither the tuple nor the request gives a value makes the answer unknown, whatever
// the expression would have said without it: an answer that depends on which half of an || is looked
// at first is none that can be explained. Where both give a value the tuple's counts, so that a
// request cannot widen what was granted.
//
// # Hostile input
//
// Whoever may write a model may write expressions, and whoever may ask may send values. Expressions
// are bounded in length and nesting, cannot loop but over their own values, have no functions that
// read or write anything, and are stopped by a cost limit and by the context. Values are converted
// strictly and never guessed: 1.5 is no int, "yes" no bool, a time without a zone no timestamp.
// Nothing here panics; a failure is an error, and an error is never false.
//
// The package must not know tuples, tenants or HTTP. It is apart from graph because CEL brings some
// 6 MB into a binary, and the graph can be embedded without.
package condition
