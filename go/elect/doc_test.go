package elect_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// Each exported function and method has its own doc comment.
func TestDocComments(t *testing.T) {
	names, err := filepath.Glob("*.go")
	check(t, err)
	files := token.NewFileSet()
	var sources []*ast.File
	for _, name := range names {
		if !strings.HasSuffix(name, "_test.go") {
			source, err := parser.ParseFile(files, name, nil, parser.ParseComments)
			check(t, err)
			sources = append(sources, source)
		}
	}
	pages, err := doc.NewFromFiles(files, sources, "elect")
	check(t, err)
	functions := pages.Funcs
	for _, of := range pages.Types {
		functions = append(append(functions, of.Funcs...), of.Methods...)
	}
	if len(functions) < 40 {
		t.Error(len(functions), "functions only")
	}
	for _, function := range functions {
		if !strings.HasPrefix(function.Doc, function.Name+" ") {
			t.Errorf("%s%s has no doc comment that begins with its name", function.Recv, function.Name)
		}
	}
}
