// Package pages has the tests of the Go programs that stand in the repository's pages.
package pages

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	// What the blocks import.
	_ "github.com/google/wire"
	_ "github.com/libelect/libelect/go/electprom"
	_ "github.com/libelect/libelect/go/electredis"
	_ "github.com/prometheus/client_golang/prometheus"
	_ "github.com/redis/go-redis/v9"
	_ "go.uber.org/zap"
	_ "go.uber.org/zap/exp/zapslog"
)

var root, _ = filepath.Abs("../../..")

// imports are those that a block need not name.
var imports = map[string]string{
	"elect":      "github.com/libelect/libelect/go/elect",
	"electprom":  "github.com/libelect/libelect/go/electprom",
	"electredis": "github.com/libelect/libelect/go/electredis",
	"electtest":  "github.com/libelect/libelect/go/electtest",
	"prometheus": "github.com/prometheus/client_golang/prometheus",
	"redis":      "github.com/redis/go-redis/v9",
	"wire":       "github.com/google/wire",
	"zap":        "go.uber.org/zap",
	"zapslog":    "go.uber.org/zap/exp/zapslog",
	"context":    "context",
	"errors":     "errors",
	"fmt":        "fmt",
	"http":       "net/http",
	"slog":       "log/slog",
	"sql":        "database/sql",
	"testing":    "testing",
}

// What blocks take as given.
const given = `package page

import (
	"context"

	"github.com/libelect/libelect/go/elect"
)

func bill(context.Context, uint64) error { return nil }

func work(context.Context, elect.Term) error { return nil }

type crew struct{ runs bool }

func (c *crew) Start()        { c.runs = true }
func (c *crew) StopAndWait()  { c.runs = false }
func (c *crew) Running() bool { return c.runs }

var jobs = &crew{}
`

type block struct {
	text string
	line int // of the page, where it begins
}

func blocks(t *testing.T, page string) (found []block) {
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllSubmatchIndex(text, -1) {
		found = append(found, block{string(text[at[2]:at[3]]), 1 + strings.Count(string(text[:at[2]]), "\n")})
	}
	if len(found) == 0 {
		t.Fatalf("%s has no Go", page)
	}
	return found
}

// program makes a file of a block, which is one already, or declarations, or the statements of a function.
func (b block) program(page string) string {
	here := fmt.Sprintf("//line %s:%d\n", filepath.Join(root, page), b.line)
	if strings.HasPrefix(b.text, "package ") {
		return here + b.text
	}
	head := "package page\n\n"
	for name, path := range imports {
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(b.text) {
			head += fmt.Sprintf("import %q\n", path)
		}
	}
	_, err := parser.ParseFile(token.NewFileSet(), "", "package page\n"+b.text, 0)
	if err == nil {
		return head + here + b.text
	}
	for _, given := range []string{"context", "elect"} {
		if path := fmt.Sprintf("import %q\n", imports[given]); !strings.Contains(head, path) {
			head += path
		}
	}
	lines := strings.Split(strings.TrimSpace(b.text), "\n")
	end := "return nil\n}\n"
	if strings.HasPrefix(lines[len(lines)-1], "\treturn ") || lines[len(lines)-1] == "\t})" {
		end = "}\n"
	}
	return head + "func statements(ctx context.Context, client *elect.Client, election *elect.Election) error {\n" + here + b.text + end
}

// Each block is a package that only the compiler sees.
func TestBlocksOfPagesCompile(t *testing.T) {
	folder, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	seen, replace := t.TempDir(), map[string]string{}
	add := func(at, text string) {
		file := filepath.Join(seen, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(folder, at)] = file
	}
	var packages []string
	for i, page := range []string{"README.md", "docs/go.md"} {
		for _, b := range blocks(t, page) {
			name := fmt.Sprintf("block%d_%d", i, b.line)
			add(name+"/block.go", b.program(page))
			if !strings.HasPrefix(b.text, "package ") {
				add(name+"/given.go", given)
			}
			packages = append(packages, "./"+name)
		}
	}
	overlay := filepath.Join(seen, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err == nil {
		err = os.WriteFile(overlay, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", append([]string{"build", "-overlay", overlay}, packages...)...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Log(len(packages), "blocks")
}

// The README's program does what it says there.
func TestTheProgramOfTheReadme(t *testing.T) {
	folder := t.TempDir()
	source := filepath.Join(folder, "main.go")
	if err := os.WriteFile(source, []byte(blocks(t, "README.md")[0].text), 0o600); err != nil {
		t.Fatal(err)
	}
	program := exec.Command("go", "run", source)
	program.Env = append(os.Environ(), "LEADER_ELECTION_STORE=local:"+filepath.Join(folder, "store"), "LEADER_ELECTION_NAME=billing")
	program.Stderr = os.Stderr
	out, err := program.Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := regexp.MustCompile(`^item 1 of epoch (\d+)\nitem 2 of epoch \d+\nitem 3 of epoch \d+\n$`); !want.Match(out) {
		t.Errorf("%s", out)
	}
}
