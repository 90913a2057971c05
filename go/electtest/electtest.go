// Package electtest is for tests of code that uses package elect: a store in memory, whose clock goes on when the test says
// so, and whose leaders are lost when the test says so.
//
//	store := electtest.New(t)
//	election := store.Election(&elect.Config{Name: "billing"})
//	election.OnLoseLeadership(func() { ... })
//	election.Begin(ctx)
//	store.Advance(0)      // it leads
//	store.Lose("billing") // it doesn't, and OnLoseLeadership's functions have returned
//
// When a method of Store returns, what follows from it at this time has happened: IsLeader says so, and the functions of
// OnBecomeLeader and OnLoseLeadership have returned. What runs on goroutines of its own has been told, but may not have come
// to act: the functions of Run, whose contexts have ended, and readers of Channels and Observe. Wait for these.
//
// A callback that does not return within ten seconds of real time fails the test, and the method returns. So does a
// client whose end, after the test, takes longer: a manual clock stands still while a callback, or the function of Run, holds
// the release, so that no DrainTimeout ends it.
package electtest

import (
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/internal/scripted"
)

// patience is real time.
var patience = 10 * time.Second

// A Store is memory with a clock of its own. Its methods may be called from any goroutine but a callback.
type Store struct {
	t      testing.TB
	client *elect.Client
}

// New is an empty store, whose client is closed at the end of the test.
func New(t testing.TB) *Store {
	t.Helper()
	client, err := elect.Open(&elect.Config{Store: "memory:?clock=manual", LogLevel: "off"})
	if err != nil {
		t.Fatal("electtest:", err)
	}
	store := &Store{t, client}
	t.Cleanup(store.close)
	return store
}

func (s *Store) close() {
	s.t.Helper()
	closed := make(chan error, 1)
	go func() { closed <- s.client.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			s.t.Error("electtest: close:", err)
		}
	case <-time.After(patience):
		s.t.Error("electtest: a callback, or a function of Run, has not returned")
	}
}

// Client is the client that all elections of this store share.
func (s *Store) Client() *elect.Client { return s.client }

// Election is a candidate, or an observer, that has not begun. Several of one name need an InstanceID each. An error in config
// ends the test.
func (s *Store) Election(config *elect.Config) *elect.Election {
	s.t.Helper()
	election, err := s.client.New(config)
	if err != nil {
		s.t.Fatal("electtest:", err)
	}
	return election
}

// Advance moves the clock, from one timer to the next, so that leaders renew their leases on the way, and callbacks return
// before the clock is a tenth of a lease later. By 0 it lets what was begun, stopped or resigned take effect.
func (s *Store) Advance(by time.Duration) {
	s.t.Helper()
	if err := scripted.Advance(s.client, by, patience); err != nil {
		s.t.Errorf("electtest: advance %v: %v", by, err)
	}
}

// Lose has the leader of this election find its record deleted, which ends its term at once.
func (s *Store) Lose(name string) {
	s.t.Helper()
	s.command("lose " + name)
}

// Rival has somebody else lead this election, as soon as nobody else does: after Lose, for one.
func (s *Store) Rival(name string) {
	s.t.Helper()
	s.command("rival " + name)
}

// Retire has Rival's somebody release.
func (s *Store) Retire(name string) {
	s.t.Helper()
	s.command("retire " + name)
}

// Cut has the store answer nothing to candidates of this election: when the clock has reached the end of its lease, the
// leader has stepped down. Stop waits for the store, and so for the clock: Heal first, or Advance.
func (s *Store) Cut(name string) {
	s.t.Helper()
	s.command("cut " + name)
}

// Heal ends Cut.
func (s *Store) Heal(name string) {
	s.t.Helper()
	s.command("heal " + name)
}

// Wipe has the store forget everything, epochs too.
func (s *Store) Wipe() {
	s.t.Helper()
	s.command("wipe")
}

func (s *Store) command(command string) {
	s.t.Helper()
	if err := scripted.Command(s.client, command, patience); err != nil {
		s.t.Errorf("electtest: %s: %v", command, err)
	}
}
