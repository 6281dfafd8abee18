// Package cluster knows in which data format the nodes of a database write, and which nodes there are. It
// is what makes an upgrade something that can be taken back.
//
//	cluster version 1 ─── newer nodes come, older ones go; all write format 1 ───▶ Finalise ──▶ 2
//	                      back to the older version at any time                    no way back but a backup
//
// A program knows the data formats that it can write, as a list. It reads all of them, and writes the
// one that the database calls its cluster version, whatever newer ones it knows. So a newer node can work
// beside older ones, and an older one can come back, until somebody calls Finalise, which no older
// node may live to see.
//
// Where nodes share an engine each has a row that it renews. A node that could not renew it in time
// writes nothing any more until it has looked again: nobody has finalised behind its back. Where the engine
// is one process's, there are no rows.
//
// The package keeps two collections that no DB declares, so they are in no export. It knows collections; it must not know any noun of
// the product, nor any engine.
package cluster
