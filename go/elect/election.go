package elect

import (
	"context"
	"encoding/json"
	"runtime"
	"sync"
	"time"

	"github.com/libelect/libelect/go/internal/celect"
)

// LeaderElection is what most services need of an election; *Election is one.
type LeaderElection interface {
	// Start stands in the election and blocks until ctx ends, whose cause it returns, or until Stop: then nil. When it
	// returns, leadership is released.
	Start(ctx context.Context) error
	// IsLeader says whether new work may be started. It asks a clock, no store.
	IsLeader() bool
	// GetLeaderID is the leader's instance id; "" when nobody leads. It asks the store, once and with a time limit, only
	// when what is known is older than a heartbeat.
	GetLeaderID() (string, error)
	// GetLeaderInfo is what is known of the leader, as fresh as GetLeaderID's. ErrNoLeader when nobody leads.
	GetLeaderInfo() (*LeaderInfo, error)
	// OnBecomeLeader adds a function to be called at the beginning of each term; at once, if one is under way. A term
	// that is over before it could be told is not. They are called in order, and their panics are logged. A slow one delays
	// this election's next call only, never the lease.
	OnBecomeLeader(callback func())
	// OnLoseLeadership adds a function to be called after the end of each term whose beginning was told. The release
	// waits for it, for at most DrainTimeout.
	OnLoseLeadership(callback func())
	// Stop ends the election for good and waits until leadership is released; from a callback it only asks.
	Stop() error
	// GetInstanceID is this candidate's id.
	GetInstanceID() string
}

// An Election is one candidate, or observer, in one election, from Start or Run to Stop.
type Election struct {
	client *Client
	owned  bool // the client is this election's alone
	handle celect.Elect_election
	keep   bool // KeepStanding
	done   chan struct{}
	worker worker

	mu       sync.Mutex
	tag      uint64  // 0: not begun
	term     *term   // the one under way: ELECTED was read, LOST was not
	told     *term   // the one whose beginning OnBecomeLeader's functions have heard of, and whose end they have not
	leader   *Leader // nil: not known
	asking   *asking
	changed  chan struct{}
	become   []func()
	lose     []func()
	channels []*notices
	unhook   func() bool // of the context that ends this election; nil: it was not started
}

var _ LeaderElection = (*Election)(nil)

// New is an election with a client of its own. It does nothing until Start, Begin or Run. Stop it, also when it was not
// started: that closes the client.
func New(config *Config) (*Election, error) {
	client, err := Open(config)
	if err != nil {
		return nil, err
	}
	election, err := client.New(nil)
	if err != nil {
		client.Close()
		return nil, err
	}
	election.owned = true
	return election, nil
}

// NewLeaderElection is New for those who inject dependencies, Wire for one: cleanup stops the election.
func NewLeaderElection(config *Config) (election LeaderElection, cleanup func(), err error) {
	made, err := New(config)
	if err != nil {
		return nil, nil, err
	}
	return made, func() { _ = made.Stop() }, nil
}

// ---- beginning and end ----

// Start is LeaderElection's: it stands in the election and blocks until ctx ends, or until Stop.
func (e *Election) Start(ctx context.Context) error {
	if err := e.Begin(ctx); err != nil {
		return err
	}
	<-e.done
	return firstError(context.Cause(ctx), e.finish())
}

// Begin is Start without waiting, for those who have many elections: none of them needs a goroutine. When ctx ends, the
// election does; Stop waits for that. ErrState when it was begun before, ErrClosed when it was stopped.
func (e *Election) Begin(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer runtime.KeepAlive(e)
	if e.tag == 0 {
		e.enlist()
	}
	code := celect.Election_start(e.handle)
	switch {
	case code == celect.ELECT_OK:
		e.unhook = context.AfterFunc(ctx, e.ask)
	case e.unhook == nil && code == celect.ELECT_ESTATE:
		return ErrClosed
	case e.unhook == nil: // it can't be: let its end be told
		celect.Election_stop(e.handle)
	}
	return codeError(code)
}

// enlist has the election's events come to it from here on; before, the collector may take it. With mu held.
func (e *Election) enlist() {
	e.tag = e.client.register(e)
	if celect.Election_queue_events(e.handle, e.tag) != celect.ELECT_OK { // its client was closed: no event will come
		e.end()
	}
}

// end is the election's. With mu held.
func (e *Election) end() {
	if e.unhook != nil {
		e.unhook()
	}
	e.client.drop(e.tag)
	close(e.done)
}

// ask stops without waiting.
func (e *Election) ask() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tag == 0 {
		e.enlist()
	}
	celect.Election_stop(e.handle)
	runtime.KeepAlive(e)
}

// Stop is LeaderElection's: it ends the election for good and waits until leadership is released. In a callback, and in Run's
// function, it only asks. Don't wait there for a goroutine that calls it: it waits for them, until DrainTimeout is over.
func (e *Election) Stop() error {
	e.ask()
	if e.client.inCallback() {
		if e.owned {
			go e.finish()
		}
		return nil
	}
	return e.finish()
}

// finish waits for the end that was asked for.
func (e *Election) finish() error {
	select {
	case <-e.done:
	case <-e.client.done:
	}
	if e.owned {
		return e.client.close()
	}
	return nil
}

// ---- what is so now ----

// IsLeader is LeaderElection's: whether new work may be started. It asks a clock, no store.
func (e *Election) IsLeader() bool {
	leads := celect.Election_is_leader(e.handle) == 1
	runtime.KeepAlive(e)
	return leads
}

// Check is nil while this candidate leads, else ErrNotLeader. It asks what IsLeader asks; ctx is not used.
func (e *Election) Check(_ context.Context) error {
	if e.IsLeader() {
		return nil
	}
	return ErrNotLeader
}

// Epoch is the fencing token of the term under way, which rises with each term; 0 when there is none. It stays while a
// leader that steps down finishes its work.
func (e *Election) Epoch() uint64 {
	defer runtime.KeepAlive(e)
	return celect.Election_epoch(e.handle)
}

// LeaseRemaining is how long the proven lease still lasts, 0 when there is none. It goes on while a leader that steps down
// finishes its work.
func (e *Election) LeaseRemaining() time.Duration {
	defer runtime.KeepAlive(e)
	return time.Duration(celect.Election_lease_ms(e.handle)) * time.Millisecond
}

// Name is the election's.
func (e *Election) Name() string {
	defer runtime.KeepAlive(e)
	return celect.Election_name(e.handle)
}

// GetInstanceID is LeaderElection's: this candidate's id.
func (e *Election) GetInstanceID() string {
	defer runtime.KeepAlive(e)
	return celect.Election_instance_id(e.handle)
}

// Client is the client that this election uses.
func (e *Election) Client() *Client { return e.client }

// ---- what can be asked for ----

// Resign steps down from the term under way and stands again after backoff. It doesn't wait. ErrNotLeader when there is none.
func (e *Election) Resign(backoff time.Duration) error {
	return e.resign(0, backoff)
}

func (e *Election) resign(epoch uint64, backoff time.Duration) error {
	defer runtime.KeepAlive(e)
	err := codeError(celect.Election_resign(e.handle, epoch, backoff.Milliseconds()))
	return explained(err, "backoff=%v: must not be negative", backoff)
}

// WaitElected waits until this candidate leads, also before Begin; ErrClosed when it was stopped, ctx's cause when that ends
// first, ErrState of an observer.
func (e *Election) WaitElected(ctx context.Context) error {
	if err := e.mayLead(); err != nil {
		return err
	}
	for {
		changed := e.watch()
		if e.IsLeader() {
			return nil
		}
		select {
		case <-changed:
		case <-e.done:
			return ErrClosed
		case <-e.client.done:
			return ErrClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Depose asks the leader of this epoch, 0 for whoever leads, through the store, to resign. An observer may.
func (e *Election) Depose(ctx context.Context, epoch uint64) error {
	_, err := request(ctx, e.client.requests, func(timeoutMS int64) (any, error) {
		defer runtime.KeepAlive(e)
		return nil, codeError(celect.Election_depose(e.handle, epoch, timeoutMS))
	})
	return err
}

// Report asks the store for "status" or "history" (the last terms), as the command elect prints them.
func (e *Election) Report(ctx context.Context, what string) (json.RawMessage, error) {
	report, err := request(ctx, e.client.requests, func(timeoutMS int64) (json.RawMessage, error) {
		return e.report(what, timeoutMS)
	})
	return report, explained(err, "what=%q: must be status or history", what)
}

func (e *Election) report(what string, timeoutMS int64) (json.RawMessage, error) {
	defer runtime.KeepAlive(e)
	var at uintptr
	code := celect.Election_report(e.handle, what, timeoutMS, &at)
	return takeString(at), codeError(code)
}

// Update changes the election's dynamic options: Address and Metadata.
func (e *Election) Update(changes *Config) error {
	defer runtime.KeepAlive(e)
	return update(changes, func(options celect.Elect_options) int32 { return celect.Election_update(e.handle, options) })
}

// time is what is in force of an option that is a duration, wherever it was set.
func (e *Election) time(option string) time.Duration {
	defer runtime.KeepAlive(e)
	return time.Duration(celect.Election_time_ms(e.handle, option)) * time.Millisecond
}

// mayLead refuses to wait for what never comes.
func (e *Election) mayLead() error {
	defer runtime.KeepAlive(e)
	if celect.Election_observes(e.handle) == 1 {
		return &Error{ErrState, "role=observer: it never leads, and this would wait for ever; Begin or Start it"}
	}
	return nil
}
