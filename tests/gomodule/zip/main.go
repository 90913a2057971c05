// Writes a module as a proxy would serve it: zip MODULE-FOLDER VERSION PROXY-FOLDER.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

func write(folder, version, proxy string) error {
	gomod, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		return err
	}
	at := module.Version{Path: modfile.ModulePath(gomod), Version: version}
	served := filepath.Join(proxy, at.Path, "@v")
	if err := os.MkdirAll(served, 0o777); err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(served, version+".zip"))
	if err != nil {
		return err
	}
	if err := zip.CreateFromDir(file, at, folder); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	info := fmt.Sprintf("{\"Version\":%q,\"Time\":\"2026-01-01T00:00:00Z\"}\n", version)
	for name, text := range map[string]string{"list": version + "\n", version + ".info": info, version + ".mod": string(gomod)} {
		if err := os.WriteFile(filepath.Join(served, name), []byte(text), 0o666); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	log.SetFlags(0)
	if err := write(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}
