//go:build !noui

package web

import "embed"

//go:embed dist/*.html dist/assets
var built embed.FS

func files() (embed.FS, bool) { return built, true }
