package apidoc

import "path/filepath"

// Where the files are, from the top of the repository.
const (
	OpenAPIFile    = "web/docs/openapi.json"
	AsyncAPIFile   = "web/docs/asyncapi.json"
	TypeScriptFile = "web/client/src/wire.ts"
)

// Make makes all files, by their paths. root is the top of the repository, whose
// sources have the descriptions.
func Make(root string, rest *REST) (map[string][]byte, error) {
	c := newComments(filepath.Clean(root))
	routes := newSchemas(c)
	openAPI, err := routes.openAPI(rest).file()
	if err != nil {
		return nil, err
	}
	events := newSchemas(c)
	asyncAPI, err := events.asyncAPI(Events()).file()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		OpenAPIFile: openAPI, AsyncAPIFile: asyncAPI, TypeScriptFile: []byte(typeScript(c, Events())),
	}
	for _, err := range []error{c.failed, routes.failed, events.failed} {
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}
