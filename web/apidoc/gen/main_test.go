package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/tandem-rtc/tandem/web"
	"github.com/tandem-rtc/tandem/web/apidoc"
)

func TestCommittedFilesAreCurrent(t *testing.T) {
	const root = "../../.."
	files, err := apidoc.Make(root, web.Documented())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		have, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is not what the Go types and web/endpoints.go say: run `go generate ./web/...` and commit the result (%v)", name, err)
		}
	}
}
