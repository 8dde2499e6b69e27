package web

import (
	"embed"
	"io/fs"
)

//go:embed all:app/dist
var embedded embed.FS

// pageFiles is the built page: what Vite wrote, as it is committed.
func pageFiles() (fs.FS, error) { return fs.Sub(embedded, "app/dist") }
