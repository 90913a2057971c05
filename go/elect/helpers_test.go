package elect_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
)

// hang is longer than anything takes that will happen at all.
const hang = 30 * time.Second

// times is how often what depends on chance is done: few times, or longTimes when tests may take long.
func times(few int) int {
	const longTimes = 300
	if scale, err := strconv.ParseFloat(os.Getenv("ELECT_TEST_SCALE"), 64); err == nil && scale >= 20 {
		return longTimes
	}
	return few
}

// noLeaks fails a test that leaves a goroutine in this module. Tests here run one after the other.
func noLeaks(t *testing.T) {
	t.Helper()
	if watched[t] {
		return
	}
	watched[t] = true
	t.Cleanup(func() {
		t.Helper()
		for deadline := time.Now().Add(hang); ; time.Sleep(time.Millisecond) {
			left := ourGoroutines()
			if len(left) == 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal("goroutines are left:\n", strings.Join(left, "\n\n"))
			}
		}
	})
}

var watched = map[*testing.T]bool{}

// ourGoroutines are the stacks of those that are in this module, but for this one.
func ourGoroutines() []string {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var ours []string
	for _, stack := range strings.Split(string(stacks), "\n\n")[1:] {
		if strings.Contains(stack, "libelect/go/") && !strings.Contains(stack, "testing.(*T).Run(") {
			ours = append(ours, stack)
		}
	}
	return ours
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// receive waits for what a channel brings.
func receive[T any](t *testing.T, what string, from <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(hang):
		stacks := make([]byte, 1<<20)
		t.Fatalf("%s: not within %v\n%s", what, hang, stacks[:runtime.Stack(stacks, true)])
	}
	return value
}

// open opens a client that is closed with the test, which may leave no goroutine. A nil config is that of memory.
func open(t *testing.T, config *elect.Config) *elect.Client {
	t.Helper()
	if config == nil {
		config = &elect.Config{Store: "memory:"}
	}
	if config.Logger == nil {
		config.Logger = quiet()
	}
	noLeaks(t)
	client, err := elect.Open(config)
	check(t, err)
	t.Cleanup(func() { closeNow(t, client) })
	return client
}

func closeNow(t *testing.T, client *elect.Client) {
	t.Helper()
	closed := make(chan error, 1)
	go func() { closed <- client.Close() }()
	if err := receive(t, "Close", closed); err != nil {
		t.Error("Close:", err)
	}
}

func candidate(t *testing.T, client *elect.Client, name string) *elect.Election {
	t.Helper()
	election, err := client.New(&elect.Config{Name: name})
	check(t, err)
	return election
}

// lead has an election begin, and waits until it leads.
func lead(t *testing.T, election *elect.Election) {
	t.Helper()
	check(t, election.Begin(context.Background()))
	waitElected(t, election)
}

func waitElected(t *testing.T, election *elect.Election) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	check(t, election.WaitElected(ctx))
}

// stop stops, and leaves nobody leading.
func stop(t *testing.T, election *elect.Election) {
	t.Helper()
	stopped := make(chan error, 1)
	go func() { stopped <- election.Stop() }()
	if err := receive(t, "Stop", stopped); err != nil {
		t.Error("Stop:", err)
	}
	expectNotLeading(t, election)
}

func expectNotLeading(t *testing.T, election *elect.Election) {
	t.Helper()
	expect(t, "IsLeader", election.IsLeader(), false)
	expect(t, "Check", election.Check(context.Background()), error(elect.ErrNotLeader))
	expect(t, "Epoch", election.Epoch(), 0)
	expect(t, "LeaseRemaining", election.LeaseRemaining(), 0)
}

// story is what happened, in order.
type story chan string

func newStory() story { return make(story, 1000) }

func (s story) tell(format string, args ...any) { s <- fmt.Sprintf(format, args...) }

func (s story) expect(t *testing.T, want ...string) {
	t.Helper()
	for _, line := range want {
		if got := receive(t, line, s); got != line {
			t.Errorf("%q happened, want %q", got, line)
		}
	}
}

// end expects that nothing else happened.
func (s story) end(t *testing.T) {
	t.Helper()
	select {
	case line := <-s:
		t.Errorf("%q happened as well", line)
	default:
	}
}
