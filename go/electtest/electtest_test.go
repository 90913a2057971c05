package electtest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/electtest"
)

func begin(t *testing.T, election *elect.Election) {
	t.Helper()
	if err := election.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// count counts what is called; without a lock: when a method of Store returns, callbacks have.
func count(election *elect.Election) *[2]int {
	counted := new([2]int)
	election.OnBecomeLeader(func() { counted[0]++ })
	election.OnLoseLeadership(func() { counted[1]++ })
	return counted
}

func expect(t *testing.T, election *elect.Election, leads bool, counted *[2]int, want [2]int) {
	t.Helper()
	if election.IsLeader() != leads || *counted != want {
		t.Errorf("leads: %v, want %v; begun and ended: %v, want %v", election.IsLeader(), leads, *counted, want)
	}
}

func TestLoseAndStandAgain(t *testing.T) {
	store := electtest.New(t)
	election := store.Election(&elect.Config{Name: "job"})
	counted := count(election)
	begin(t, election)
	store.Advance(0)
	expect(t, election, true, counted, [2]int{1, 0})
	epoch := election.Epoch()
	store.Advance(time.Hour)
	expect(t, election, true, counted, [2]int{1, 0})
	store.Lose("job")
	expect(t, election, false, counted, [2]int{1, 1})
	store.Advance(time.Minute)
	expect(t, election, true, counted, [2]int{2, 1})
	if election.Epoch() <= epoch {
		t.Error(election.Epoch(), "after", epoch)
	}
}

func TestRivalAndRetire(t *testing.T) {
	store := electtest.New(t)
	election := store.Election(&elect.Config{Name: "job"})
	counted := count(election)
	begin(t, election)
	store.Advance(0)
	store.Rival("job")
	expect(t, election, true, counted, [2]int{1, 0})
	store.Lose("job")
	store.Advance(time.Minute)
	expect(t, election, false, counted, [2]int{1, 1})
	if id, err := election.GetLeaderID(); err != nil || id == "" || id == election.GetInstanceID() {
		t.Error("the rival's id:", id, err)
	}
	store.Retire("job")
	store.Advance(time.Minute)
	expect(t, election, true, counted, [2]int{2, 1})
}

func TestCutHealAndWipe(t *testing.T) {
	store := electtest.New(t)
	election := store.Election(&elect.Config{Name: "job", LockTTL: 10 * time.Second})
	counted := count(election)
	begin(t, election)
	store.Advance(0)
	store.Cut("job")
	store.Advance(5 * time.Second)
	expect(t, election, true, counted, [2]int{1, 0})
	store.Advance(5 * time.Second)
	expect(t, election, false, counted, [2]int{1, 1})
	store.Heal("job")
	store.Advance(time.Minute)
	expect(t, election, true, counted, [2]int{2, 1})
	store.Wipe()
	store.Advance(time.Minute)
	expect(t, election, true, counted, [2]int{3, 2})
}

// What a callback asks for follows, too.
func TestConsequencesOfCallbacks(t *testing.T) {
	store := electtest.New(t)
	one := store.Election(&elect.Config{Name: "job", InstanceID: "one"})
	two := store.Election(&elect.Config{Name: "job", InstanceID: "two"})
	counted := count(two)
	begin(t, one)
	store.Advance(0)
	begin(t, two)
	one.OnBecomeLeader(func() { _ = one.Stop() })
	store.Advance(0)
	expect(t, two, true, counted, [2]int{1, 0})
	if err := one.Begin(context.Background()); err != elect.ErrClosed && err != elect.ErrState {
		t.Error("begun again:", err)
	}
	if err := two.Stop(); err != nil {
		t.Error(err)
	}
	store.Advance(0)
	expect(t, two, false, counted, [2]int{1, 1})
}

func TestRun(t *testing.T) {
	store := electtest.New(t)
	election := store.Election(&elect.Config{Name: "job"})
	began, causes := make(chan struct{}), make(chan error)
	ran := make(chan error)
	go func() {
		ran <- election.Run(context.Background(), func(ctx context.Context, _ elect.Term) error {
			began <- struct{}{}
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return nil
		})
	}()
	<-began
	store.Lose("job")
	var lost *elect.LostError
	if cause := <-causes; !errors.As(cause, &lost) || lost.Reason != elect.ReasonDeleted {
		t.Error(cause)
	}
	go func() { _ = election.Stop() }()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

var t *testing.T // what a test gets

func Example() {
	store := electtest.New(t)
	election := store.Election(&elect.Config{Name: "billing", LockTTL: 10 * time.Second})
	election.OnBecomeLeader(func() { fmt.Println("leads") })
	election.OnLoseLeadership(func() { fmt.Println("leads no more") })
	if err := election.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	store.Advance(0) // "leads"
	store.Cut("billing")
	store.Advance(10 * time.Second) // "leads no more"
	if election.IsLeader() {
		t.Error("the lease is over")
	}
}
