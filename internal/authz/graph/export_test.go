package graph

// WithoutGroups is g as it is now, answering every question from the object's side, as it does for a
// subject with very many groups, so that tests can compare the two ways.
func WithoutGroups(g *Graph) *Graph {
	c := New(g.model, g.limits)
	c.now.Store(g.now.Load())
	c.pool.New = func() any { return &evaluator{locals: map[name]uint32{}, groupsState: groupsOff} }
	return c
}

// Names is how many names the table holds, dead ones included.
func Names(g *Graph) int { return int(g.now.Load().names.count.Load()) }

// Bindings is how many conditions the table holds, dead ones included.
func Bindings(g *Graph) int { return g.now.Load().bindings.count() }
