package elect

import (
	"context"
	"runtime"
	"time"

	"github.com/libelect/libelect/go/internal/celect"
)

// LeaderInfo is what is known of a leader. Its times are by the leader's clock.
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
		StartedAt:     time.UnixMilli(celect.Leader_started_at_ms(leader)),
		LastHeartbeat: time.UnixMilli(celect.Leader_last_heartbeat_ms(leader)),
		Address:       celect.Leader_address(leader),
		Metadata:      celect.Leader_metadata(leader),
		Epoch:         celect.Leader_epoch(leader),
	}
}

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

func (e *Election) GetLeaderInfo() (*LeaderInfo, error) {
	defer runtime.KeepAlive(e)
	var at uintptr
	code := celect.Election_leader(e.handle, e.times.heartbeat.Milliseconds(), e.times.ttl.Milliseconds(), &at)
	if code != celect.ELECT_OK {
		return nil, codeError(code)
	}
	if at == 0 {
		return nil, ErrNoLeader
	}
	leader := celect.SwigcptrElect_leader(at)
	defer celect.Leader_free(leader)
	return leaderInfo(leader), nil
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
	e.known = e.known || e.nobodyLeads()
	if !e.known {
		return nil, changed
	}
	if e.leader == nil {
		return &Leader{}, changed
	}
	return e.leader, changed
}
