package apidoc

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

const module = "github.com/tandem-rtc/tandem/"

// comments are what Go sources say of types and their fields: the descriptions of
// the documents.
type comments struct {
	root   string                       // of the repository
	byPkg  map[string]map[string]string // package path, then Type or Type.Field
	failed error
}

func newComments(root string) *comments {
	return &comments{root: root, byPkg: map[string]map[string]string{}}
}

// of is the comment of a type, or of its field, as one line.
func (c *comments) of(t reflect.Type, field string) string {
	if !strings.HasPrefix(t.PkgPath(), module) {
		return ""
	}
	known, ok := c.byPkg[t.PkgPath()]
	if !ok {
		known = map[string]string{}
		c.byPkg[t.PkgPath()] = known
		if err := readComments(filepath.Join(c.root, strings.TrimPrefix(t.PkgPath(), module)), known); err != nil && c.failed == nil {
			c.failed = err
		}
	}
	if field == "" {
		return known[t.Name()]
	}
	return known[t.Name()+"."+field]
}

func readComments(dir string, known map[string]string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("apidoc: %w", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.ParseComments)
		if err != nil {
			return fmt.Errorf("apidoc: %w", err)
		}
		for _, d := range f.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				continue
			}
			for _, s := range decl.Specs {
				typeComments(decl, s.(*ast.TypeSpec), known)
			}
		}
	}
	return nil
}

func typeComments(decl *ast.GenDecl, spec *ast.TypeSpec, known map[string]string) {
	doc := spec.Doc
	if doc == nil {
		doc = decl.Doc
	}
	known[spec.Name.Name] = sentence(spec.Name.Name, oneLine(doc))
	st, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range st.Fields.List {
		text := oneLine(f.Comment)
		if text == "" {
			text = oneLine(f.Doc)
		}
		for _, name := range f.Names {
			known[spec.Name.Name+"."+name.Name] = text
		}
	}
}

func oneLine(g *ast.CommentGroup) string { return strings.Join(strings.Fields(g.Text()), " ") }

// sentence takes Go's own beginning off a comment: "Hello is the first frame" is
// "The first frame".
func sentence(name, text string) string {
	for _, verb := range []string{" is ", " are ", " has ", " says ", " names "} {
		if rest, ok := strings.CutPrefix(text, name+verb); ok {
			switch verb {
			case " has ", " says ", " names ":
				rest = strings.TrimSpace(verb) + " " + rest
			}
			return strings.ToUpper(rest[:1]) + rest[1:]
		}
	}
	if rest, ok := strings.CutPrefix(text, name+" "); ok && rest != "" {
		return strings.ToUpper(rest[:1]) + rest[1:]
	}
	return text
}
