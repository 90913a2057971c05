package leaderelection_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/libelect/libelect/go/leaderelection"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

var (
	extendMine = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`)
	deleteMine = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', unpack(KEYS)) end
return 0`)
)

// oldInfo is what an old copy writes, and reads, under the info key.
type oldInfo struct {
	InstanceID    string    `json:"instance_id"`
	Hostname      string    `json:"hostname"`
	StartedAt     time.Time `json:"started_at"`
	LastHeartbeat time.Time `json:"last_heartbeat"`
}

// An oldCopy does what the documents of the package that is replaced say: the lock by SET NX of the instance's id, the info
// beside it at each heartbeat, both deleted at the end.
type oldCopy struct {
	client *redis.Client
	id     string
	floor  *floor
}

func (c *oldCopy) run(ctx context.Context) {
	for ctx.Err() == nil {
		if held, err := c.client.SetNX(ctx, lockKey, c.id, ttl).Result(); err == nil && held {
			c.lead(ctx)
		}
		pause(ctx, ttl/20)
	}
}

func (c *oldCopy) lead(ctx context.Context) {
	info := oldInfo{InstanceID: c.id, Hostname: "old", StartedAt: time.Now()}
	c.floor.enter(c.id)
	for held := true; held && ctx.Err() == nil; pause(ctx, ttl/10) {
		info.LastHeartbeat = time.Now()
		text, _ := json.Marshal(info)
		c.client.Set(ctx, infoKey, text, ttl)
		held, _ = extendMine.Run(ctx, c.client, []string{lockKey}, c.id, ttl.Milliseconds()).Bool()
	}
	c.floor.leave(c.id)
	deleteMine.Run(context.Background(), c.client, []string{lockKey, infoKey}, c.id)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// floor is where only a leader may be.
type floor struct {
	mu      sync.Mutex
	on      string
	broken  []string
	entered chan string
}

func (f *floor) enter(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.on != "" {
		f.broken = append(f.broken, id+" beside "+f.on)
	}
	f.on = id
	f.entered <- id
}

func (f *floor) leave(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.on == id {
		f.on = ""
	}
}

// A fleet is replaced copy by copy: each stands before the one whose place it takes ends, and whoever leads is ended.
func TestOldAndNewCopiesHaveOneLeader(t *testing.T) {
	server := newServer(t)
	floor := &floor{entered: make(chan string, 100)}
	stop := map[string]func(){}
	running := map[string]leaderelection.LeaderElection{}
	started := 0
	start := func(old bool) {
		started++
		if id := fmt.Sprintf("old-%d", started); old {
			stop[id] = runOld(server.client, id, floor)
		} else {
			id := fmt.Sprintf("new-%d", started)
			running[id], stop[id] = runNew(t, server.client, id, floor)
		}
	}
	start(true)
	start(false)
	before := ""
	for round := 0; round < 12; round++ {
		leader := <-floor.entered
		start(leader[0] == 'o' == (round%3 != 0)) // mostly one of the same kind follows, sometimes of the other
		agree(t, server.client, running, leader)
		stop[leader]()
		delete(stop, leader)
		delete(running, leader)
		if leader == before {
			t.Error(leader, "twice")
		}
		before = leader
	}
	for len(stop) > 0 {
		for id, end := range stop {
			end()
			delete(stop, id)
		}
	}
	if len(floor.broken) > 0 {
		t.Error(floor.broken)
	}
}

func runOld(client *redis.Client, id string, floor *floor) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		(&oldCopy{client, id, floor}).run(ctx)
		close(ended)
	}()
	return func() {
		cancel()
		<-ended
	}
}

func runNew(t *testing.T, client *redis.Client, id string, floor *floor) (leaderelection.LeaderElection, func()) {
	election, err := leaderelection.NewRedisLeaderElection(&leaderelection.Config{LockTTL: ttl, InstanceID: id}, client, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	election.OnBecomeLeader(func() { floor.enter(id) })
	election.OnLoseLeadership(func() { floor.leave(id) })
	go election.Start(context.Background())
	return election, func() {
		if err := election.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// agree wants what old copies read of the leader, and what new ones say of it, to be the same.
func agree(t *testing.T, client *redis.Client, running map[string]leaderelection.LeaderElection, leader string) {
	t.Helper()
	eventually(t, "the info names "+leader, func() bool {
		var info oldInfo
		text, _ := client.Get(context.Background(), infoKey).Bytes()
		return json.Unmarshal(text, &info) == nil && info.InstanceID == leader && !info.StartedAt.IsZero()
	})
	if lock := client.Get(context.Background(), lockKey).Val(); lock != leader {
		t.Errorf("%s holds the lock, %s leads", lock, leader)
	}
	for id, election := range running {
		eventually(t, id+" names "+leader, func() bool { // its answer may be a heartbeat old, and older than the info
			named, err := election.GetLeaderID()
			if err != nil || named != leader {
				return false
			}
			info, err := election.GetLeaderInfo()
			return err == nil && info.InstanceID == leader && !info.StartedAt.IsZero()
		})
	}
}
