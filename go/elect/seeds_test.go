package elect_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/internal/redistest"
)

// A lease of unhurried is one that its leader keeps on a machine as busy as it likes; an endless one is no help to anybody.
const (
	unhurried = 3 * time.Second
	endless   = 10 * time.Minute
)

// What was found wrong with other elections over Redis, a test for each. They wait, most of the time: all at once.
func TestDefectsOfOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for name, test := range map[string]func(*testing.T, *redistest.Server){
		// A lock with a counter of epochs beside it.
		"Stop hands over at once":                stopHandsOver,
		"a slow callback delays no renewal":      slowCallback,
		"one failed renewal costs nothing":       failedRenewal,
		"a lost epoch does not start again":      lostEpoch,
		"a lost epoch of the Elector's does not": lostElectorEpoch,
		"leases of less than a second":           shortLeases,
		"Stop before Start":                      stopBeforeStart,
		// A lock with random values.
		"Start and at once Stop":        startAndStop,
		"Stop while the server is down": stopWithoutServer,
		"a lost reply costs nothing":    lostReply,
		"channels that nobody reads":    unreadChannels,
		"asked from everywhere":         askedFromEverywhere,
		"demoted before errored":        demotedBeforeErrored,
		// Documents alone.
		"the interface of MapleFile": mapleFile,
	} {
		test := test
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, redistest.Start(t))
		})
	}
}

// standing is an election that has been started, and that ends with the test.
func standing(t *testing.T, config elect.Config) *elect.Election {
	t.Helper()
	config.Name, config.RestartGrace, config.Logger = "job", elect.None, quiet()
	election, err := elect.New(&config)
	check(t, err)
	t.Cleanup(func() { stop(t, election) })
	check(t, election.Begin(context.Background()))
	return election
}

func await(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for late := time.Now().Add(hang); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("%s: not within %v", what, hang)
		}
	}
}

func awaitLeader(t *testing.T, election *elect.Election) (epoch uint64) {
	t.Helper()
	await(t, "leads", func() bool { epoch = election.Epoch(); return epoch != 0 && election.IsLeader() })
	return epoch
}

// awaitRenewal waits until the server has a heartbeat that was sent after now.
func awaitRenewal(t *testing.T, by *elect.Election) {
	t.Helper()
	now := time.Now()
	await(t, "renews", func() bool { info, err := by.GetLeaderInfo(); return err == nil && info.LastHeartbeat.After(now) })
}

// ---- a lock in Redis with a counter of epochs beside it ----

func stopHandsOver(t *testing.T, server *redistest.Server) {
	first := standing(t, elect.Config{Store: server.URL(), LockTTL: endless})
	epoch := awaitLeader(t, first)
	second := standing(t, elect.Config{Store: server.URL(), LockTTL: endless})
	await(t, "sees the leader", func() bool { id, _ := second.GetLeaderID(); return id == first.GetInstanceID() })
	stop(t, first)
	if next := awaitLeader(t, second); next <= epoch {
		t.Errorf("epoch %d after %d", next, epoch)
	}
}

func slowCallback(t *testing.T, server *redistest.Server) {
	config := elect.Config{Store: server.URL(), Name: "job", LockTTL: unhurried, RestartGrace: elect.None, Logger: quiet()}
	election, err := elect.New(&config)
	check(t, err)
	leave := make(chan bool)
	election.OnBecomeLeader(func() { <-leave })
	check(t, election.Begin(context.Background()))
	epoch := awaitLeader(t, election)
	rival := standing(t, config)
	await(t, "renews after the first lease", func() bool {
		info, err := rival.GetLeaderInfo()
		return err == nil && info.LastHeartbeat.Sub(info.StartedAt) > unhurried
	})
	if !election.IsLeader() || election.Epoch() != epoch || rival.IsLeader() {
		t.Error("leadership changed while the callback ran")
	}
	close(leave)
	stop(t, election)
	awaitLeader(t, rival)
}

func failedRenewal(t *testing.T, server *redistest.Server) {
	way := newWay(t, server)
	leader := standing(t, elect.Config{Store: way.url, LockTTL: unhurried, HeartbeatInterval: 300 * time.Millisecond})
	epoch := awaitLeader(t, leader)
	rival := standing(t, elect.Config{Store: server.URL(), LockTTL: unhurried})
	way.closed.Store(true)
	time.Sleep(400 * time.Millisecond) // more than a heartbeat
	way.closed.Store(false)
	awaitRenewal(t, rival)
	if !leader.IsLeader() || leader.Epoch() != epoch || rival.IsLeader() {
		t.Error("leadership changed")
	}
}

func lostEpoch(t *testing.T, server *redistest.Server) {
	lose(t, server, elect.LayoutElect, "elect:{job}:leader", "elect:{job}:term")
}

func lostElectorEpoch(t *testing.T, server *redistest.Server) {
	lose(t, server, elect.LayoutElector, "job:{election}:leader", "job:{election}:epoch")
}

func lose(t *testing.T, server *redistest.Server, layout elect.Layout, lock, epoch string) {
	leader := standing(t, elect.Config{Store: server.URL(), Layout: layout, LockTTL: time.Second})
	first := awaitLeader(t, leader)
	if first < 1e15 { // of the server's time, not a count from 1
		t.Errorf("epoch %d", first)
	}
	expect(t, "keys", server.Do("DEL", lock, epoch), ":2")
	await(t, "a later term", func() bool { return leader.IsLeader() && leader.Epoch() > first })
}

func shortLeases(t *testing.T, server *redistest.Server) {
	for _, ttl := range []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, 999 * time.Millisecond} {
		election := standing(t, elect.Config{Store: server.URL(), LockTTL: ttl, Prefix: ttl.String()})
		awaitLeader(t, election)
	}
}

func stopBeforeStart(t *testing.T, server *redistest.Server) {
	election, err := elect.New(&elect.Config{Store: server.URL(), Name: "job", Logger: quiet()})
	check(t, err)
	stop(t, election)
	expect(t, "Start", election.Start(context.Background()), error(elect.ErrClosed))
	expectNotLeading(t, election)
}

// ---- a lock in Redis with random values ----

func startAndStop(t *testing.T, server *redistest.Server) {
	client, err := elect.Open(&elect.Config{
		Store: server.URL(), Name: "job", Layout: elect.LayoutGoLeader, LockTTL: endless, RestartGrace: elect.None, Logger: quiet(),
	})
	check(t, err)
	defer closeNow(t, client)
	for i := 0; i < 50; i++ {
		election := candidate(t, client, "job")
		ended := make(chan error, 1)
		go func() { ended <- election.Start(context.Background()) }()
		time.Sleep(time.Duration(i) * 50 * time.Microsecond)
		stop(t, election)
		receive(t, "Start", ended)
		expectNotLeading(t, election)
	}
	expect(t, "keys", server.Do("EXISTS", "leader:QIXXSNBBCT7UTX2L74L5P7DP6XIOD7MM"), ":0")
	lead(t, candidate(t, client, "job"))
}

func stopWithoutServer(t *testing.T, server *redistest.Server) {
	leader := standing(t, elect.Config{Store: server.URL(), LockTTL: time.Second})
	awaitLeader(t, leader)
	server.Kill()
	stop(t, leader)
}

func lostReply(t *testing.T, server *redistest.Server) {
	way := newWay(t, server)
	leader := standing(t, elect.Config{Store: way.url, LockTTL: unhurried, HeartbeatInterval: 200 * time.Millisecond})
	epoch := awaitLeader(t, leader)
	rival := standing(t, elect.Config{Store: server.URL(), LockTTL: unhurried})
	for i := 0; i < 3; i++ {
		way.swallows.Store(1)
		await(t, "loses a reply", func() bool { return way.swallows.Load() == 0 })
		awaitRenewal(t, rival)
	}
	if !leader.IsLeader() || leader.Epoch() != epoch || rival.IsLeader() {
		t.Error("leadership changed")
	}
}

func unreadChannels(t *testing.T, server *redistest.Server) {
	leader := standing(t, elect.Config{Store: server.URL(), LockTTL: unhurried})
	leader.Channels()
	for i := 0; i < 3; i++ {
		epoch := awaitLeader(t, leader)
		check(t, leader.Resign(0))
		await(t, "stands again", func() bool { return leader.Epoch() > epoch })
	}
	stop(t, leader)
}

func askedFromEverywhere(t *testing.T, server *redistest.Server) {
	leader := standing(t, elect.Config{Store: server.URL(), LockTTL: unhurried})
	ended := make(chan bool)
	var asking sync.WaitGroup
	for i := 0; i < 4; i++ {
		asking.Add(1)
		go func() {
			defer asking.Done()
			for last := uint64(0); ; {
				epoch := leader.Epoch()
				_ = leader.IsLeader()
				_, _ = leader.GetLeaderInfo()
				if epoch != 0 && epoch < last {
					t.Errorf("epoch %d after %d", epoch, last)
				}
				last = max(last, epoch)
				select {
				case <-ended:
					if leader.IsLeader() {
						t.Error("leads after Stop")
					}
					return
				case <-time.After(100 * time.Microsecond):
				}
			}
		}()
	}
	for i := 0; i < 5; i++ {
		awaitLeader(t, leader)
		_ = leader.Resign(time.Millisecond) // ErrNotLeader, if it lost meanwhile
	}
	stop(t, leader)
	close(ended)
	asking.Wait()
}

func demotedBeforeErrored(t *testing.T, server *redistest.Server) {
	way := newWay(t, server)
	leader := standing(t, elect.Config{Store: way.url, LockTTL: time.Second})
	promoted, demoted, errored := leader.Channels()
	select {
	case <-promoted:
	case err := <-errored:
		t.Fatal(err)
	}
	way.closed.Store(true)
	select {
	case <-demoted:
	case err := <-errored:
		t.Error("before demoted:", err)
	}
	if err := <-errored; !errors.Is(err, elect.ErrUnreachable) {
		t.Error(err)
	}
}

// ---- an interface of which only the documents are known ----

// levels are those of the records that came.
type levels struct {
	mu   sync.Mutex
	seen map[string]slog.Level
}

func (l *levels) Enabled(context.Context, slog.Level) bool { return true }
func (l *levels) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *levels) WithGroup(string) slog.Handler            { return l }
func (l *levels) Handle(_ context.Context, record slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[record.Message] = record.Level
	return nil
}

func (l *levels) has(message string, level slog.Level) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen, ok := l.seen[message]
	return ok && seen == level
}

func mapleFile(t *testing.T, server *redistest.Server) {
	logged := &levels{seen: map[string]slog.Level{}}
	one, err := elect.New(&elect.Config{
		Store: server.URL(), Name: "maplefile", Layout: elect.LayoutMapleFile, InstanceID: "instance-1", Hostname: "server-01",
		LockTTL: unhurried, HeartbeatInterval: 200 * time.Millisecond, RestartGrace: elect.None, Logger: slog.New(logged),
		ClockMargin: unhurried / 3, // and so late a timer passes for no pause
	})
	check(t, err)
	happened := newStory()
	one.OnBecomeLeader(func() { panic("a callback") })
	one.OnBecomeLeader(func() { happened.tell("leads") })
	one.OnLoseLeadership(func() { happened.tell("does not lead: %v", one.IsLeader()) })
	ended := make(chan error, 1)
	go func() { ended <- one.Start(context.Background()) }()
	happened.expect(t, "leads")

	get := func(key string) string {
		return server.Do("EVAL", "return {ok = redis.call('GET', KEYS[1])}", "1", key)
	}
	expect(t, "the lock", get("maplefile:leader:lock"), "+instance-1")
	var kept struct { // as its documents have it
		InstanceID    string    `json:"instance_id"`
		Hostname      string    `json:"hostname"`
		StartedAt     time.Time `json:"started_at"`
		LastHeartbeat time.Time `json:"last_heartbeat"`
	}
	check(t, json.Unmarshal([]byte(get("maplefile:leader:info")[1:]), &kept))
	leader, err := one.GetLeaderInfo()
	check(t, err)
	expect(t, "instance_id", kept.InstanceID, leader.InstanceID)
	expect(t, "hostname", kept.Hostname, leader.Hostname)
	if kept.StartedAt.IsZero() || kept.StartedAt.After(leader.StartedAt) || kept.LastHeartbeat.Before(kept.StartedAt) {
		t.Errorf("kept %v, told %v", kept, leader)
	}
	await(t, "Heartbeat sent", func() bool { return logged.has("Heartbeat sent", slog.LevelDebug) })
	server.Kill()
	happened.expect(t, "does not lead: false")
	server.Restart()
	happened.expect(t, "leads")
	check(t, one.Stop())
	check(t, receive(t, "Start", ended))
	happened.expect(t, "does not lead: false")
	happened.end(t)
	expect(t, "keys", server.Do("EXISTS", "maplefile:leader:lock", "maplefile:leader:info"), ":0")
	for message, level := range map[string]slog.Level{
		"Became the leader!": slog.LevelInfo, "Releasing leadership voluntarily": slog.LevelInfo,
		"Failed to send heartbeat, lost leadership": slog.LevelError, "elect: a panic was caught": slog.LevelError,
	} {
		await(t, message, func() bool { return logged.has(message, level) })
	}
}
