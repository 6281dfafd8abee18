// Package relational is what the SQL engines have in common, and no SQL:
//
//	table.go    a declaration as a table: columns, indexes, what a name may be
//	scan.go     a query as pieces of an index, each one seek
//	write.go    what may be written, what an ambiguous batch did, how a changelog is cut
//
// The text of statements, parameters and types is each engine's own.
package relational
