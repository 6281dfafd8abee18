package main

import (
	"cmp"
	"crypto/rand"
	"maps"
	"slices"
	"sync"
)

// invoice is what this service is about.
type invoice struct {
	ID    string `json:"id"`
	Owner string `json:"owner"` // the sub of who made it
	Cents int64  `json:"cents"`
}

// invoices keeps them in memory; a real service has a database.
type invoices struct {
	mu   sync.Mutex
	byID map[string]invoice
}

func newInvoices() *invoices { return &invoices{byID: make(map[string]invoice)} }

func (all *invoices) add(owner string, cents int64) invoice {
	all.mu.Lock()
	defer all.mu.Unlock()
	made := invoice{ID: rand.Text(), Owner: owner, Cents: cents}
	all.byID[made.ID] = made
	return made
}

func (all *invoices) find(id string) (invoice, bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	found, ok := all.byID[id]
	return found, ok
}

func (all *invoices) remove(id string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.byID, id)
}

func (all *invoices) all() []invoice {
	all.mu.Lock()
	defer all.mu.Unlock()
	list := slices.AppendSeq([]invoice{}, maps.Values(all.byID)) // an empty list is [] to clients, not null
	slices.SortFunc(list, func(a, b invoice) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
