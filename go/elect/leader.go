package elect

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"github.com/libelect/libelect/go/internal/celect"
)

// LeaderInfo is what is known of a leader. Its times are by the leader's clock, and zero where the layout has none.
type LeaderInfo struct {
	InstanceID    string    `json:"instance_id"`
	Hostname      string    `json:"hostname"`
	StartedAt     time.Time `json:"started_at"`     // when it became the leader
	LastHeartbeat time.Time `json:"last_heartbeat"` // when it last renewed its lease
	Address       string    `json:"address,omitempty"`
	Metadata      string    `json:"metadata,omitempty"`
	Epoch         uint64    `json:"epoch"`
}

// Leader is what Observe tells of: the zero Leader is nobody.
type Leader = LeaderInfo

// Nobody says that this is no leader.
func (l Leader) Nobody() bool { return l == Leader{} }

func leaderInfo(leader celect.Elect_leader) *LeaderInfo {
	return &LeaderInfo{
		InstanceID:    celect.Leader_instance_id(leader),
		Hostname:      celect.Leader_hostname(leader),
		StartedAt:     leaderTime(celect.Leader_started_at_ms(leader)),
		LastHeartbeat: leaderTime(celect.Leader_last_heartbeat_ms(leader)),
		Address:       celect.Leader_address(leader),
		Metadata:      celect.Leader_metadata(leader),
		Epoch:         celect.Leader_epoch(leader),
	}
}

func leaderTime(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// GetLeaderID is LeaderElection's: "" when nobody leads, and the errors of GetLeaderInfo.
func (e *Election) GetLeaderID() (string, error) {
	info, err := e.GetLeaderInfo()
	if err == ErrNoLeader {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return info.InstanceID, nil
}

// GetLeaderInfo is LeaderElection's. It asks the store, or waits for the answer that another goroutine asked for, when what
// is known is older than a heartbeat, and each time before Begin. ErrNoLeader when nobody leads; ErrTimeout when the store
// does not answer within LockTTL, and within five seconds.
func (e *Election) GetLeaderInfo() (*LeaderInfo, error) {
	return e.leaderWithin(context.Background())
}

// asking is a question to the store who leads, and then its answer. One is under way at a time: each of them holds a thread.
type asking struct {
	done   chan struct{}
	leader *LeaderInfo
	err    error
}

// The longest that somebody is to wait for the leader's name.
const askingLimit = 5 * time.Second

// leaderWithin is GetLeaderInfo for as long as ctx lasts.
func (e *Election) leaderWithin(ctx context.Context) (*LeaderInfo, error) {
	if leader, err := e.leaderKnown(0); err != ErrState && err != ErrTimeout {
		return leader, err
	}
	asked := e.whoLeads()
	select {
	case <-asked.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if asked.err != nil {
		return nil, asked.err
	}
	leader := *asked.leader
	return &leader, nil
}

// whoLeads is the question that is under way.
func (e *Election) whoLeads() *asking {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asking != nil {
		return e.asking
	}
	asked := &asking{done: make(chan struct{})}
	e.asking = asked
	go func() {
		ctx, cancel := context.WithTimeoutCause(context.Background(), min(e.time("lock_ttl"), askingLimit), ErrTimeout)
		defer cancel()
		asked.leader, asked.err = request(ctx, e.client.questions, e.leaderAsked)
		e.mu.Lock()
		e.asking = nil
		e.mu.Unlock()
		close(asked.done)
	}()
	return asked
}

func (e *Election) leaderAsked(timeoutMS int64) (*LeaderInfo, error) {
	leader, err := e.leaderKnown(timeoutMS)
	if err == ErrState { // not started: nothing is known here
		return e.leaderInStore(timeoutMS)
	}
	return leader, err
}

// leaderKnown is the leader when that is not older than a heartbeat, or becomes so in time.
func (e *Election) leaderKnown(timeoutMS int64) (*LeaderInfo, error) {
	defer runtime.KeepAlive(e)
	var at uintptr
	code := celect.Election_leader(e.handle, e.time("heartbeat_interval").Milliseconds(), timeoutMS, &at)
	if code != celect.ELECT_OK {
		return nil, Code(code)
	}
	if at == 0 {
		return nil, ErrNoLeader
	}
	leader := celect.SwigcptrElect_leader(at)
	defer celect.Leader_free(leader)
	return leaderInfo(leader), nil
}

// leaderInStore asks the store, once, as the command elect status does.
func (e *Election) leaderInStore(timeoutMS int64) (*LeaderInfo, error) {
	report, err := e.report("status", timeoutMS)
	if err == ErrUnreachable { // what one that has begun says of such a store
		err = ErrTimeout
	}
	if err != nil {
		return nil, err
	}
	var status struct {
		Leader *struct {
			LeaderInfo
			StartedAtMS     int64 `json:"started_at_ms"`
			LastHeartbeatMS int64 `json:"last_heartbeat_ms"`
		}
	}
	if err := json.Unmarshal(report, &status); err != nil {
		return nil, fmt.Errorf("%w: its report: %w", ErrStore, err)
	}
	if status.Leader == nil {
		return nil, ErrNoLeader
	}
	info := status.Leader.LeaderInfo
	info.StartedAt = leaderTime(status.Leader.StartedAtMS)
	info.LastHeartbeat = leaderTime(status.Leader.LastHeartbeatMS)
	return &info, nil
}

// Observe tells who leads, first as it is now, as soon as that is known, and then at each change. Who reads slowly hears
// of the latest. The channel is closed when ctx or the election ends.
func (e *Election) Observe(ctx context.Context) <-chan Leader {
	leaders := make(chan Leader)
	go func() {
		defer close(leaders)
		var last *Leader
		for {
			leader, changed := e.latest()
			out := leaders
			var again <-chan time.Time
			if leader == nil {
				again = time.After(untilKnown)
			}
			if leader == nil || last != nil && *leader == *last {
				out, leader = nil, &Leader{}
			}
			select {
			case out <- *leader:
				last = leader
			case <-changed:
			case <-again:
			case <-e.done:
				return
			case <-e.client.done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return leaders
}

// That nobody leads from the beginning is no event: it is looked for this often until something is known.
const untilKnown = 100 * time.Millisecond

func (e *Election) nobodyLeads() bool {
	var at uintptr
	defer runtime.KeepAlive(e)
	known := celect.Election_leader(e.handle, -1, 0, &at) == celect.ELECT_OK
	if at == 0 {
		return known
	}
	celect.Leader_free(celect.SwigcptrElect_leader(at))
	return false // its event comes
}

// latest is the leader, if anything is known, and what is closed at the next change.
func (e *Election) latest() (*Leader, <-chan struct{}) {
	changed := e.watch()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.leader == nil && e.nobodyLeads() {
		e.leader = &Leader{}
	}
	return e.leader, changed
}
