// Package web holds the pages that people see, as they were built from the sources beside it: README.md says
// how. The built files are committed, so that Go alone builds the whole server; with the build tag noui
// they are left out, for those who bring pages of their own.
package web

import "io/fs"

// Files are the built pages: auth.html, app.html, plain.html and assets. False if the program was built
// without them.
func Files() (fs.FS, bool, error) {
	all, ok := files()
	if !ok {
		return nil, false, nil
	}
	dist, err := fs.Sub(all, "dist")
	return dist, true, err
}
