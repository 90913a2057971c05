package elect_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"strings"
	"testing"
)

// Each exported function and method has its own doc comment.
func TestDocComments(t *testing.T) {
	files := token.NewFileSet()
	packages, err := parser.ParseDir(files, ".", func(file fs.FileInfo) bool {
		return !strings.HasSuffix(file.Name(), "_test.go")
	}, parser.ParseComments)
	check(t, err)
	var sources []*ast.File
	for _, source := range packages["elect"].Files {
		sources = append(sources, source)
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
