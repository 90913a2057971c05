package elect

import (
	"context"
	"runtime"
	"time"

	"github.com/libelect/libelect/go/internal/celect"
)

// A term is one that was won, until its LOST has been read and freed.
type term struct {
	epoch uint64
	end   context.CancelCauseFunc // of the function that Run runs in it; nil: none did
	holds int                     // that function, and the callbacks of its LOST: who work yet
	lost  celect.Elect_event      // once it was read
}

// take handles what the queue holds for this election. It is the pump's: nothing in it waits.
func (e *Election) take(event celect.Elect_event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	kind := celect.Event_kind(event)
	switch kind {
	case celect.ELECT_EVENT_ELECTED:
		won := &term{epoch: celect.Event_epoch(event)}
		e.term = won
		e.worker.add(e.client, func() { e.tellBecome(won) })
		e.notify(notice{kind: promoted})
	case celect.ELECT_EVENT_LOST:
		e.lost(event) // keeps it
		e.wake()
		return
	case celect.ELECT_EVENT_LEADER_CHANGED:
		e.leader = &Leader{}
		if leader := celect.Event_leader(event); leader != nil && leader.Swigcptr() != 0 {
			e.leader = leaderInfo(leader)
		}
	case celect.ELECT_EVENT_ERROR:
		e.notify(notice{kind: errored, err: &Error{Code(celect.Event_code(event)), celect.Event_text(event)}})
	case celect.ELECT_EVENT_CLOSED:
		e.end()
	}
	celect.Event_free(event)
	e.wake()
}

func (e *Election) lost(event celect.Elect_event) {
	over := e.term
	e.term = nil
	if over.end != nil {
		over.end(&LostError{over.epoch, Reason(celect.Event_reason(event))})
	}
	over.holds++
	over.lost = event
	e.worker.add(e.client, func() {
		defer e.letGo(over)
		e.tellLose(over)
	})
	e.notify(notice{kind: demoted})
}

// letGo ends one hold. The last one lets libelect release the lease.
func (e *Election) letGo(over *term) {
	e.mu.Lock()
	defer e.mu.Unlock()
	over.holds--
	if over.holds == 0 && over.lost != nil {
		celect.Event_free(over.lost)
	}
}

// watch answers a channel that is closed at the next event.
func (e *Election) watch() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.changed == nil {
		e.changed = make(chan struct{})
	}
	return e.changed
}

// wake tells those who watch. With mu held.
func (e *Election) wake() {
	if e.changed != nil {
		close(e.changed)
		e.changed = nil
	}
}

// ---- callbacks ----

// OnBecomeLeader is LeaderElection's: it adds a function to be called at the beginning of each term, and at once if one is
// under way.
func (e *Election) OnBecomeLeader(callback func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.become = append(e.become, callback)
	if under := e.told; under != nil {
		e.worker.add(e.client, func() {
			if e.tells(under) {
				e.client.protect("OnBecomeLeader", e.Name(), callback)
			}
		})
	}
}

// OnLoseLeadership is LeaderElection's: it adds a function to be called after the end of each term, for which the release waits.
func (e *Election) OnLoseLeadership(callback func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lose = append(e.lose, callback)
}

func (e *Election) tells(under *term) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.told == under
}

func (e *Election) tellBecome(won *term) {
	e.mu.Lock()
	if won.lost != nil { // over before it could be told: then its end isn't either
		e.mu.Unlock()
		return
	}
	e.told = won
	callbacks := e.become[:len(e.become):len(e.become)]
	e.mu.Unlock()
	e.client.protectAll("OnBecomeLeader", e.Name(), callbacks)
}

func (e *Election) tellLose(over *term) {
	e.mu.Lock()
	if e.told != over {
		e.mu.Unlock()
		return
	}
	e.told = nil
	callbacks := e.lose[:len(e.lose):len(e.lose)]
	e.mu.Unlock()
	e.client.protectAll("OnLoseLeadership", e.Name(), callbacks)
}

// ---- for the leader's work ----

// Term is the term in which Run's function works. One that Run did not give, as tests of such a function may have it, is over.
type Term struct {
	Epoch    uint64 // the fencing token: pass it to what you write to, and let that refuse older ones
	election *Election
	ctx      context.Context // of the function
}

// Check is nil while new work of this term may be started, else ErrNotLeader: so once the context of Run, or of its function,
// has ended.
func (t Term) Check() error {
	if t.election == nil || t.ctx.Err() != nil {
		return ErrNotLeader
	}
	var epoch uint64
	defer runtime.KeepAlive(t.election)
	if celect.Election_check(t.election.handle, &epoch, nil) == 1 && epoch == t.Epoch {
		return nil
	}
	return ErrNotLeader
}

// LeaseRemaining is how long the lease of this term is proven to last; 0 when it is over. It goes on while a leader that
// steps down finishes its work.
func (t Term) LeaseRemaining() time.Duration {
	if t.election == nil {
		return 0
	}
	var epoch uint64
	var leaseMS int64
	defer runtime.KeepAlive(t.election)
	if celect.Election_check(t.election.handle, &epoch, &leaseMS) == 0 || epoch != t.Epoch {
		return 0
	}
	return time.Duration(leaseMS) * time.Millisecond
}

// Resign steps down from this term and stands again after backoff. It doesn't wait. ErrNotLeader when the term is over.
func (t Term) Resign(backoff time.Duration) error {
	if t.election == nil {
		return ErrNotLeader
	}
	return t.election.resign(t.Epoch, backoff)
}
