package leaderelection_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/internal/redistest"
	"github.com/libelect/libelect/go/leaderelection"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

const (
	ttl     = 5 * time.Second // a server that is younger elects nobody; a busy machine is no reason to lose it
	lockKey = "maplefile:leader:lock"
	infoKey = "maplefile:leader:info"
)

var _ leaderelection.LeaderElection = (*elect.Election)(nil)

type server struct {
	*redistest.Server
	client *redis.Client
}

func newServer(t *testing.T) *server {
	t.Helper()
	t.Parallel() // most of them wait until their server is old enough to be trusted
	run := redistest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: strings.TrimPrefix(run.URL(), "redis+unix://")})
	t.Cleanup(func() { client.Close() })
	return &server{run, client}
}

// eventually waits for what nothing tells of. The limit is against a hang.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: ", what)
		}
	}
}

func want(t *testing.T, events <-chan string, names ...string) {
	t.Helper()
	for _, name := range names {
		select {
		case got := <-events:
			if got != name {
				t.Errorf("%s instead of %s", got, name)
			}
		case <-time.After(time.Minute):
			t.Fatal("never: ", name)
		}
	}
}

func TestDefaults(t *testing.T) {
	config := leaderelection.DefaultConfig()
	want := &leaderelection.Config{
		RedisKeyName: "maplefile:leader:lock", RedisInfoKeyName: "maplefile:leader:info",
		LockTTL: 10 * time.Second, HeartbeatInterval: 3 * time.Second, RetryInterval: 2 * time.Second,
	}
	if !reflect.DeepEqual(config, want) || reflect.TypeOf(*config).NumField() != 7 {
		t.Errorf("%+v", config)
	}
}

// Neither nil nor a Config of nothing is in the way, and each instance has a name of its own.
func TestWhatIsNotGiven(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer client.Close()
	ids := map[string]bool{}
	for _, config := range []*leaderelection.Config{nil, {}, leaderelection.DefaultConfig()} {
		election, err := leaderelection.NewRedisLeaderElection(config, client, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids[election.GetInstanceID()] = true
		if election.IsLeader() {
			t.Error("leads")
		}
		if err := election.Stop(); err != nil {
			t.Error(err)
		}
	}
	if len(ids) != 3 || ids[""] {
		t.Error(ids)
	}
}

func TestWhatIsRefused(t *testing.T) {
	client := redis.NewClient(&redis.Options{})
	defer client.Close()
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	defer cluster.Close()
	for _, row := range []struct {
		config *leaderelection.Config
		client redis.UniversalClient
		names  string
	}{
		{nil, nil, "redis.UniversalClient"},
		{nil, cluster, "*redis.ClusterClient"},
		{&leaderelection.Config{LockTTL: time.Second, HeartbeatInterval: 3 * time.Second}, client, "heartbeat_interval"},
	} {
		election, err := leaderelection.NewRedisLeaderElection(row.config, row.client, zap.NewNop())
		if election != nil || err == nil || !strings.Contains(err.Error(), row.names) || !errors.Is(err, elect.ErrInvalid) {
			t.Errorf("%s: %v, %v", row.names, election, err)
		}
	}
}

// A key has more room than the name that stands for it in logs, which ends with a whole character.
func TestLongKeys(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer client.Close()
	try := func(key string) error {
		election, err := leaderelection.NewRedisLeaderElection(&leaderelection.Config{RedisKeyName: key}, client, zap.NewNop())
		if err == nil {
			err = election.Stop()
		}
		return err
	}
	for _, key := range []string{strings.Repeat("k", 201), strings.Repeat("k", 512), "k" + strings.Repeat("\u00e9", 255)} {
		if err := try(key); err != nil {
			t.Error(len(key), err)
		}
	}
	if err := try(strings.Repeat("k", 513)); err == nil || !strings.Contains(err.Error(), "lock_key") {
		t.Error(err)
	}
}

func TestAnotherKey(t *testing.T) {
	server := newServer(t)
	election, err := leaderelection.NewRedisLeaderElection(&leaderelection.Config{RedisKeyName: "my-app:leader",
		RedisInfoKeyName: "my-app:leader:info", LockTTL: ttl, InstanceID: "instance-1"}, server.client, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan string, 1)
	election.OnBecomeLeader(func() { events <- "became" })
	go election.Start(context.Background())
	want(t, events, "became")
	if value := server.client.Get(context.Background(), "my-app:leader").Val(); value != "instance-1" {
		t.Error(value)
	}
	if n := server.client.Exists(context.Background(), "my-app:leader:info").Val(); n != 1 {
		t.Error("no info")
	}
	election.Stop()
}

// The four events that its users know from their logs, by their levels.
func TestWhatIsLogged(t *testing.T) {
	server := newServer(t)
	core, logs := observer.New(zapcore.DebugLevel)
	logger := zap.New(core).Named("backend").With(zap.String("service", "billing"))
	config := leaderelection.DefaultConfig()
	config.LockTTL, config.HeartbeatInterval, config.RetryInterval = ttl, 50*time.Millisecond, 50*time.Millisecond
	election, err := leaderelection.NewRedisLeaderElection(config, server.client, logger)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- election.Start(context.Background()) }()
	logged := func(level zapcore.Level, text string) {
		t.Helper()
		eventually(t, text, func() bool {
			return logs.FilterLevelExact(level).FilterMessage(text).FilterField(zap.String("service", "billing")).Len() > 0
		})
	}
	logged(zap.InfoLevel, "Became the leader!")
	logged(zap.DebugLevel, "Heartbeat sent")
	const lost = "Failed to send heartbeat, lost leadership"
	for terms := 1; logs.FilterMessage(lost).Len() == 0 && terms < 10; terms++ { // once, but where the machine pauses meanwhile
		server.Kill()
		eventually(t, "it leads no more", func() bool { return !election.IsLeader() })
		server.Restart()
		eventually(t, "it leads again", func() bool { return logs.FilterMessage("Became the leader!").Len() > terms })
	}
	logged(zap.ErrorLevel, lost)
	if err := election.Stop(); err != nil {
		t.Error(err)
	}
	<-ended
	logged(zap.InfoLevel, "Releasing leadership voluntarily")
	for _, entry := range logs.All() {
		if entry.LoggerName != "backend" || entry.Stack != "" {
			t.Errorf("%+v", entry)
		}
	}
}

// Ctrl+C of a leader: another instance takes over, by the release.
func TestThreeInstances(t *testing.T) {
	server := newServer(t)
	leaders := make(chan int, 10)
	var elections []leaderelection.LeaderElection
	var cancels []context.CancelFunc
	var leading, most atomic.Int32
	ended := make(chan error, 3)
	for i := 0; i < 3; i++ {
		i := i
		config := leaderelection.DefaultConfig()
		config.LockTTL, config.HeartbeatInterval, config.RetryInterval = ttl, 0, 0
		election, err := leaderelection.NewRedisLeaderElection(config, server.client, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		election.OnBecomeLeader(func() {
			if now := leading.Add(1); now > most.Load() {
				most.Store(now)
			}
			leaders <- i
		})
		election.OnLoseLeadership(func() { leading.Add(-1) })
		ctx, cancel := context.WithCancel(context.Background())
		elections, cancels = append(elections, election), append(cancels, cancel)
		go func() { ended <- election.Start(ctx) }()
	}
	seen := map[int]bool{}
	for len(seen) < 3 {
		leader := <-leaders
		seen[leader] = true
		for i, election := range elections {
			if !seen[i] {
				eventually(t, "its answer is younger than the change", func() bool {
					id, err := election.GetLeaderID()
					return err == nil && id == elections[leader].GetInstanceID()
				})
			}
		}
		cancels[leader]()
		if err := <-ended; err != context.Canceled {
			t.Error(err)
		}
	}
	if most.Load() != 1 {
		t.Error("led at once:", most.Load())
	}
}
