//go:build noui

package web

import "embed"

func files() (none embed.FS, ok bool) { return none, false }
