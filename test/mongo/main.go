// Command standin is a stand-in for a MongoDB replica set, for tests where there is no MongoDB: FerretDB
// with its SQLite back end, behind a proxy that gives it what it lacks.
//
//	driver ──▶ proxy: one command or transaction of a database at a time ──▶ FerretDB ──▶ SQLite
//
// FerretDB is not atomic, has no transactions and no partial indexes, and does not say which index a
// duplicate was found by. The proxy answers as the primary of a replica set, takes one lock per command
// or transaction, keeps what documents were before and puts it back when a transaction is aborted or the
// process was killed in it, strips what FerretDB refuses, names the index, and takes two absent values for
// the same. So nothing ever happens at the same time as something else in one database: conflicts between
// transactions are not to be seen here. It shows that the driver is used rightly, and nothing about MongoDB.
//
// It prints the URL of the proxy and that of the bare FerretDB, which is a standalone server, and ends when
// its standard input does.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	dir := flag.String("dir", ".", "where the data is")
	keep := flag.Bool("keep", false, "whether the data is to outlive the process")
	listen := flag.String("listen", "127.0.0.1:0", "where the proxy listens")
	flag.Parse()
	ctx, stop := context.WithCancel(context.Background())
	err := run(ctx, *dir, *keep, *listen)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "standin:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, keep bool, listen string) error {
	where, journals := "file:"+dir+"/", dir
	if !keep {
		where, journals = where+"?_pragma=synchronous(off)", ""
	}
	f, err := ferretdb.New(&ferretdb.Config{
		Listener: ferretdb.ListenerConfig{TCP: "127.0.0.1:0"}, Handler: "sqlite", SQLiteURL: where, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	go func() { _ = f.Run(ctx) }()
	bare, err := url.Parse(f.MongoDBURI())
	if err != nil {
		return err
	}
	p := &proxy{backend: bare.Host, journals: journals, locks: map[string]chan struct{}{}, open: map[string]*transaction{}, committed: map[string]int64{}}
	if err := p.recover(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	p.address = l.Addr().String()
	go p.accept(l)
	fmt.Printf("mongodb://%s mongodb://%s\n", p.address, bare.Host)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
