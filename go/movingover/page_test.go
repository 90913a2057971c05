package movingover

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?sm)^```go\n(.*?)^```$")

// pages are their texts, one after the other: one for all, and one for each of the packages that people come from.
func pages(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("../../docs/moving-over-go/*.md")
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	var texts strings.Builder
	for _, file := range append(files, "../../docs/moving-over-go.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts.Write(text)
	}
	return texts.String()
}

// sources are the files of this module that are no tests and no stubs, by their paths.
func sources(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		stub := strings.HasPrefix(path, "stubs")
		if err != nil || !strings.HasSuffix(path, "/billing.go") && !strings.HasSuffix(path, "/locks.go") || stub {
			return err
		}
		text, err := os.ReadFile(path)
		texts[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// Every block of the pages is a function of this module, word for word, and every function stands on a page.
func TestThePagesSayWhatIsHere(t *testing.T) {
	text := pages(t)
	blocks := map[string]bool{}
	for _, match := range goBlock.FindAllStringSubmatch(text, -1) {
		blocks[match[1]] = true
	}
	if fences := strings.Count(text, "```"); len(blocks) == 0 || fences%2 != 0 {
		t.Errorf("%d blocks, %d fences", len(blocks), fences)
	}
	known := map[string]bool{}
	for path, source := range sources(t) {
		for _, function := range functions(source) {
			known[function] = true
			if !blocks[function] {
				t.Errorf("%s: this is on no page:\n%s", path, function)
			}
		}
	}
	for block := range blocks {
		if !known[block] {
			t.Errorf("this block of a page is no function here:\n%s", block)
		}
	}
}

func functions(source string) []string {
	return regexp.MustCompile(`(?sm)^func .*?^}\n`).FindAllString(source, -1)
}

// Moving from the package of the same name is an import line.
func TestOneImportLine(t *testing.T) {
	texts := sources(t)
	before := strings.Split(texts["maplefile/before/billing.go"], "\n")
	after := strings.Split(texts["maplefile/after/billing.go"], "\n")
	if len(before) != len(after) || len(before) < 10 {
		t.Fatal(len(before), len(after))
	}
	for i := range before {
		theirs := strings.NewReplacer("Package before", "Package after", "package before", "package after",
			"movingover/stubs/leaderelection", "leaderelection").Replace(before[i])
		if theirs != after[i] {
			t.Errorf("%s\n%s", before[i], after[i])
		}
	}
}
