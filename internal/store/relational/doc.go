// Package relational is what the engines on database servers and files have in common, and no SQL:
//
//	table.go    a declaration as a table: columns, indexes, what a name may be
//	missing.go  what a database lacks of what was declared
//	scan.go     a query as pieces of an index, each one seek
//	write.go    what may be written, what an ambiguous batch did, how a changelog is cut
//	lane.go     batches with tuples, one group at a time for each tuple store
//	state.go    what the tuple operations of a group come to
//
// The text of statements, parameters and types is each engine's own.
package relational
