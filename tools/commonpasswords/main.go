// Command commonpasswords writes the list of common passwords that a new password is compared with.
//
// It reads a JSON array of passwords, the most used first, folds them (NFKC, lower case), adds the
// patterns that people reach for when a form asks for "a capital letter, a digit and a symbol", and
// writes them sorted and front-coded. The form is described at wordlist in internal/identity/password.
//
// The array is src/passwords.json of the npm package @zxcvbn-ts/language-common:
//
//	npm pack @zxcvbn-ts/language-common@4.1.3 && tar xzf zxcvbn-ts-language-common-4.1.3.tgz
//	go run ./tools/commonpasswords -in package/src/passwords.json -out internal/identity/password/common.bin
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math/bits"
	"os"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// head stands in front of the list: it is what the licence asks for.
const head = `Common passwords, sorted and front-coded. Written by tools/commonpasswords; do not edit.
Source: the password list of npm package @zxcvbn-ts/language-common 4.1.3, folded; and own patterns.
Licence of the source: MIT. Copyright (c) 2012-2016 Dan Wheeler and Dropbox, Inc.;
Copyright (c) 2021 @zxcvbn-ts. The text of the licence is in common.LICENSE beside this file.
`

// Bounds of the form: five bits for a length, and a block for each offset.
const (
	maxWord   = 31
	blockSize = 32
)

func main() {
	in := flag.String("in", "", "JSON array of passwords, the most used first")
	out := flag.String("out", "", "file to write")
	flag.Parse()
	if err := run(*in, *out); err != nil {
		fmt.Fprintln(os.Stderr, "commonpasswords:", err)
		os.Exit(1)
	}
}

func run(in, out string) error {
	raw, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	var words []string
	if err := json.Unmarshal(raw, &words); err != nil {
		return fmt.Errorf("reading %s: %w", in, err)
	}
	ranks := rank(append(words, patterns()...))
	if err := os.WriteFile(out, encode(ranks), 0o644); err != nil {
		return err
	}
	fmt.Println(len(ranks), "passwords")
	return nil
}

// rank folds words and remembers where each stood first, counting from 1.
func rank(words []string) map[string]int {
	ranks := make(map[string]int, len(words))
	for _, w := range words {
		w = strings.ToLower(norm.NFKC.String(w))
		if w == "" || len(w) > maxWord {
			continue
		}
		if _, known := ranks[w]; !known {
			ranks[w] = len(ranks) + 1
		}
	}
	return ranks
}

// patterns are stems with the endings that composition rules breed.
func patterns() []string {
	stems := strings.Fields(`password passwort passw0rd p@ssw0rd p@ssword motdepasse contraseña wachtwoord
		welcome willkommen bienvenue hello admin administrator root user guest test testing demo temp default
		change changeme letmein login access secret secure company office work home master qwerty qwertz azerty
		abc abcd asdf monkey dragon football iloveyou sunshine princess spring summer autumn fall winter
		january february march april may june july august september october november december
		monday tuesday wednesday thursday friday saturday sunday cardea`)
	endings := strings.Fields(`1 12 123 1234 12345 123456 0 01 007 11 22 99 69 111 321 2 3 ! !! 1! 12! 123! 1234! 12345!
		@1 @12 @123 @1234 #1 #123 $1 $123 . .1 .123 _1 _123 -1 -123 ? * 01! 1@ 123@ 123# 123$`)
	for year := 2015; year <= 2032; year++ {
		for _, form := range []string{"%d", "%d!", "@%d", "@%d!", "#%d", "-%d", "_%d", ".%d", "!%d"} {
			endings = append(endings, fmt.Sprintf(form, year))
		}
	}
	var out []string
	for _, stem := range stems {
		for _, ending := range endings {
			if word := stem + ending; len(word) >= 8 { // shorter ones are refused for that alone
				out = append(out, word)
			}
		}
	}
	return out
}

// encode writes the sorted list.
func encode(ranks map[string]int) []byte {
	words := make([]string, 0, len(ranks))
	for w := range ranks {
		words = append(words, w)
	}
	slices.Sort(words)
	var offsets, entries []byte
	before := ""
	for i, w := range words {
		if i%blockSize == 0 {
			offsets = binary.BigEndian.AppendUint32(offsets, uint32(len(entries)))
			before = ""
		}
		shared := 0
		for shared < min(len(before), len(w)) && before[shared] == w[shared] {
			shared++
		}
		band := bits.Len(uint(ranks[w])) - 1
		entries = binary.BigEndian.AppendUint16(entries, uint16(shared<<11|(len(w)-shared)<<6|band))
		entries = append(entries, w[shared:]...)
		before = w
	}
	count := binary.BigEndian.AppendUint32(nil, uint32(len(offsets)/4))
	return bytes.Join([][]byte{[]byte(head), {0}, count, offsets, entries}, nil)
}
