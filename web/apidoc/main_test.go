package apidoc

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const root = "../.."

// source reads a file of the repository.
func source(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSocketFilesAreCurrent(t *testing.T) {
	c := newComments(root)
	s := newSchemas(c)
	async, err := s.asyncAPI(Events()).file()
	if err != nil || c.failed != nil || s.failed != nil {
		t.Fatal(err, c.failed, s.failed)
	}
	for name, want := range map[string][]byte{AsyncAPIFile: async, TypeScriptFile: []byte(typeScript(c, Events()))} {
		if !bytes.Equal(source(t, name), want) {
			t.Errorf("%s is not what the Go types say: run `go generate ./web/...` and commit the result", name)
		}
	}
}
