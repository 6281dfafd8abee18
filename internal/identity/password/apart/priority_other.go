//go:build !unix

package apart

// GiveWay does nothing where priorities are not known.
func GiveWay(Priority) {}
