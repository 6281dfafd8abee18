// Command securityrows keeps two tables true: docs/security-rows.md, which says for each known
// failure of systems like this one which test of ours covers it, and docs/acceptance.md, which does
// so for the acceptance examples. Its own test runs the same check, so a table cannot fall behind.
//
//	go run ./tools/securityrows       says what is wrong with the tables
//	go run ./tools/securityrows -w    puts tests with a number in their name into their rows, takes out
//	                                  those that are gone, and counts anew; a person then looks at the status
//
// A test belongs to a row by its name: TestRegress_016_PKCEDowngrade to row 16, one with two numbers to
// both, TestE10Theft to example E10. A row may name other tests, and files (of other languages), as well.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	write := flag.Bool("w", false, "write the tables")
	flag.Parse()
	ok, err := run(".", *write)
	if err != nil {
		fmt.Fprintln(os.Stderr, "securityrows:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run checks all tables of the repository at root, and writes them first if asked to.
func run(root string, write bool) (ok bool, err error) {
	known, err := findTests(root)
	if err != nil {
		return false, err
	}
	ok = true
	for _, t := range tables() {
		doc, err := t.read(root)
		if err != nil {
			return false, err
		}
		if write {
			doc.amend(known)
			if err := doc.save(root); err != nil {
				return false, err
			}
		}
		for _, problem := range doc.check(root, known) {
			ok = false
			fmt.Printf("%s: %s\n", t.path, problem)
		}
	}
	return ok, nil
}
