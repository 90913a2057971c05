// Checks the types of this folder's module as the compiler does, for the system that GOOS names, but compiles nothing:
// types [-test]. With -test its tests, too.
package main

import (
	"flag"
	"log"
	"os"

	"golang.org/x/tools/go/packages"
)

func main() {
	log.SetFlags(0)
	tests := flag.Bool("test", false, "check tests, too")
	flag.Parse()
	loaded, err := packages.Load(&packages.Config{
		// All of it from source: what is exported would be compiled first.
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedTypesSizes | packages.NeedModule,
		Tests: *tests,
	}, "./...")
	if err != nil {
		log.Fatal(err)
	}
	if packages.PrintErrors(loaded) > 0 {
		os.Exit(1)
	}
}
