//go:build !unix

package apart

// giveWay does nothing where priorities are not known.
func giveWay(Priority) func(bool) { return func(bool) {} }
