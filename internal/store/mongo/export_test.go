package mongo

// For the tests.
var (
	Join  = join
	Split = split
)
