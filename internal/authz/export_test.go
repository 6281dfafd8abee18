package authz

import "github.com/cardea-auth/cardea/internal/store"

// Cursor reads the cursor of a list of holders.
func Cursor(text string) (store.SubjectRef, error) { return parseCursor(text) }
