package movingover

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const page = "../../docs/moving-over-go.md"

var goBlock = regexp.MustCompile("(?sm)^```go\n(.*?)^```$")

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

// Every block of the page is a function of this module, word for word, and every function stands on the page.
func TestThePageSaysWhatIsHere(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]bool{}
	for _, match := range goBlock.FindAllStringSubmatch(string(text), -1) {
		blocks[match[1]] = true
	}
	if fences := strings.Count(string(text), "```"); len(blocks) == 0 || fences%2 != 0 {
		t.Errorf("%d blocks, %d fences", len(blocks), fences)
	}
	known := map[string]bool{}
	for path, source := range sources(t) {
		for _, function := range functions(source) {
			known[function] = true
			if !blocks[function] {
				t.Errorf("%s: this is not on the page:\n%s", path, function)
			}
		}
	}
	for block := range blocks {
		if !known[block] {
			t.Errorf("this block of the page is no function here:\n%s", block)
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
