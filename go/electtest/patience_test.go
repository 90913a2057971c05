package electtest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
)

// failures are what a test would fail with.
type failures struct {
	testing.TB
	texts    []string
	cleanups []func()
}

func (f *failures) Helper()                {}
func (f *failures) Cleanup(cleanup func()) { f.cleanups = append(f.cleanups, cleanup) }
func (f *failures) Error(args ...any)      { f.texts = append(f.texts, fmt.Sprint(args...)) }
func (f *failures) Errorf(format string, args ...any) {
	f.texts = append(f.texts, fmt.Sprintf(format, args...))
}

func (f *failures) expect(t *testing.T, text string) {
	t.Helper()
	if len(f.texts) != 1 || !strings.Contains(f.texts[0], text) {
		t.Errorf("failures %q, want %q", f.texts, text)
	}
	f.texts = nil
}

func TestACallbackThatDoesNotReturn(t *testing.T) {
	fails := &failures{TB: t}
	store := New(fails)
	election := store.Election(&elect.Config{Name: "job"})
	held := make(chan struct{})
	election.OnLoseLeadership(func() { <-held })
	if err := election.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	store.Advance(0)
	defer func(before time.Duration) { patience = before }(patience)
	patience = 100 * time.Millisecond
	store.Lose("job")
	fails.expect(t, `a callback of "job" has not returned`)
	if election.IsLeader() {
		t.Error("leads")
	}
	fails.cleanups[0]()
	fails.expect(t, "has not returned")
	close(held)
	if err := store.Client().Close(); err != nil {
		t.Error(err)
	}
}

func TestAdvanceFromACallback(t *testing.T) {
	fails := &failures{TB: t}
	store := New(fails)
	election := store.Election(&elect.Config{Name: "job"})
	election.OnBecomeLeader(func() { store.Advance(time.Second) })
	if err := election.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	store.Advance(0)
	fails.expect(t, "from a callback")
	store.Lose("")
	fails.expect(t, "bad argument")
	fails.cleanups[0]()
	store.Wipe()
	fails.expect(t, "closed")
}
