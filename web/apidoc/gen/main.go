// Command gen writes the documents of the protocol and the TypeScript types of the
// SDK. It is run by `go generate ./web/...`, in web.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/tandem-rtc/tandem/web"
	"github.com/tandem-rtc/tandem/web/apidoc"
)

func main() {
	if err := run(".."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root string) error {
	files, err := apidoc.Make(root, web.Documented())
	if err != nil {
		return err
	}
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(root, name), body, 0o644); err != nil { //nolint:gosec // sources that everybody may read
			return err
		}
	}
	return nil
}
