package postgres

// For the tests.
var (
	ToText   = toText
	FromText = fromText
	Refused  = refused
)
