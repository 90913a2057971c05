//go:build linux

package elect_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
)

// A shelf is a store as a user may write one, whose operations a test can have go wrong.
type shelf struct {
	mu      sync.Mutex
	value   map[string]string
	version map[string]int
	wrong   func(ctx context.Context, write bool) error // called first, without the lock
	lie     func(version string) string
}

func newShelf() *shelf {
	return &shelf{value: map[string]string{}, version: map[string]int{}}
}

func (r *shelf) goWrong(wrong func(ctx context.Context, write bool) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrong = wrong
}

func (r *shelf) maybe(ctx context.Context, write bool) error {
	r.mu.Lock()
	wrong := r.wrong
	r.mu.Unlock()
	if wrong == nil {
		return nil
	}
	return wrong(ctx, write)
}

func (r *shelf) now(key string) string {
	if r.version[key] == 0 {
		return ""
	}
	return fmt.Sprint("v", r.version[key])
}

func (r *shelf) told(version string) string {
	if r.lie != nil {
		return r.lie(version)
	}
	return version
}

func (r *shelf) Read(ctx context.Context, key string) (value, version string, err error) {
	if err := r.maybe(ctx, false); err != nil {
		return "", "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.value[key], r.told(r.now(key)), nil
}

func (r *shelf) Write(ctx context.Context, key, value, version string) (next string, err error) {
	if err := r.maybe(ctx, true); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if version != r.told(r.now(key)) {
		return "", elect.ErrConflict
	}
	r.value[key] = value
	r.version[key]++
	return r.told(r.now(key)), nil
}

func openCustom(t *testing.T, store elect.Store) *elect.Client {
	t.Helper()
	return open(t, &elect.Config{CustomStore: store, Store: "custom:?bootstrap=now", LockTTL: unhurried, LogLevel: "off"})
}

func TestCustomStoreElects(t *testing.T) {
	store := newShelf()
	one, two := openCustom(t, store), openCustom(t, store)
	first, second := candidate(t, one, "job"), candidate(t, two, "job")
	lead(t, first)
	epoch := first.Epoch()
	check(t, second.Begin(context.Background()))
	leaders := second.Observe(context.Background())
	expect(t, "the leader", receive(t, "the leader", leaders).InstanceID, first.GetInstanceID())
	expect(t, "two leaders", second.IsLeader(), false)
	stop(t, first)
	check(t, two.KeyChanged("elect/job"))
	waitElected(t, second)
	if second.Epoch() <= epoch {
		t.Error("epochs fall:", epoch, second.Epoch())
	}
}

// Each kind of failure ends the term by the end of the lease, and nobody leads while it lasts; then somebody does again.
func TestCustomStoreThatGoesWrong(t *testing.T) {
	release := make(chan struct{})
	for name, wrong := range map[string]func(ctx context.Context, write bool) error{
		"panics":        func(context.Context, bool) error { panic("lost my connection") },
		"goes away":     func(context.Context, bool) error { runtime.Goexit(); return nil },
		"blocks":        func(context.Context, bool) error { <-release; return elect.ErrConflict },
		"answers late":  func(ctx context.Context, _ bool) error { <-ctx.Done(); time.Sleep(time.Millisecond); return nil },
		"is unsure":     func(context.Context, bool) error { return errors.New("a broken pipe") },
		"is refused":    func(context.Context, bool) error { return fmt.Errorf("quota: %w", elect.ErrStore) },
		"is not let in": func(context.Context, bool) error { return elect.ErrAuth },
		"panics twice":  func(context.Context, bool) error { return panicking{} },
	} {
		name, wrong, store := name, wrong, newShelf()
		client := openCustom(t, store)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			election := candidate(t, client, "job")
			lost, errored := make(chan struct{}, 100), make(chan struct{}, 1)
			election.OnLoseLeadership(func() { lost <- struct{}{} })
			lead(t, election)
			_, _, errs := election.Channels()
			go func() {
				<-errs
				errored <- struct{}{}
			}()
			store.goWrong(wrong)
			receive(t, "the loss", lost)
			expect(t, "IsLeader", election.IsLeader(), false)
			receive(t, "an error", errored)
			store.goWrong(nil)
			waitElected(t, election)
			if name == "blocks" {
				close(release)
			}
		})
	}
}

type panicking struct{}

func (panicking) Error() string { panic("no text") }

// What would be cut at a zero byte in C is refused: two versions would look the same.
func TestCustomStoreThatLies(t *testing.T) {
	for name, lie := range map[string]func(version string) string{
		"zero bytes": func(version string) string { return "v\x00" + version },
		"too long":   func(version string) string { return fmt.Sprintf("%0200s", version) },
		"not a line": func(version string) string { return "v\n" + version },
	} {
		t.Run(name, func(t *testing.T) {
			store := newShelf()
			store.lie = lie
			election := candidate(t, openCustom(t, store), "job")
			_, _, errored := election.Channels()
			check(t, election.Begin(context.Background()))
			if err := receive(t, "an error", errored); err == nil {
				t.Error("no error")
			}
			expect(t, "IsLeader", election.IsLeader(), false)
		})
	}
}

// A store that never returns is not asked by ever more goroutines.
func TestCustomStoreThatBlocksIsBounded(t *testing.T) {
	store := newShelf()
	held := make(chan struct{})
	var calls sync.WaitGroup
	asked, most := 0, 0
	store.goWrong(func(context.Context, bool) error {
		calls.Add(1)
		defer calls.Done()
		store.mu.Lock()
		asked++
		most = max(most, asked)
		store.mu.Unlock()
		<-held
		return elect.ErrUnreachable
	})
	noLeaks(t)
	client := openCustom(t, store)
	t.Cleanup(func() { close(held) })
	for i := 0; i < 300; i++ {
		check(t, candidate(t, client, fmt.Sprint("job", i)).Begin(context.Background()))
	}
	for bound := false; !bound; time.Sleep(time.Millisecond) {
		store.mu.Lock()
		bound = asked == 256
		store.mu.Unlock()
	}
	closeNow(t, client)
	store.mu.Lock()
	defer store.mu.Unlock()
	expect(t, "calls at once", most, 256)
}

// Stop and Close within the store's methods only ask.
func TestStopAndCloseFromACustomStore(t *testing.T) {
	store := newShelf()
	client := openCustom(t, store)
	election := candidate(t, client, "job")
	lead(t, election)
	done := make(chan error, 2)
	var once sync.Once
	store.goWrong(func(context.Context, bool) error {
		once.Do(func() {
			done <- election.Stop()
			done <- client.Close()
		})
		return nil
	})
	check(t, receive(t, "Stop", done))
	check(t, receive(t, "Close", done))
	expectNotBeginning(t, election)
}
