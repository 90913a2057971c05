package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	extendMine = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`)
	deleteMine = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', unpack(KEYS)) end
return 0`)
	// In whole seconds, and every win counts the epoch up in the same step.
	electAndCount = redis.NewScript(`
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then return redis.call('INCR', KEYS[2]) end
return 0`)
	extendMineSeconds = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return 0`)
)

// leaderInfo is what MapleFile's documents say that stands under the info key.
type leaderInfo struct {
	InstanceID    string    `json:"instance_id"`
	Hostname      string    `json:"hostname"`
	StartedAt     time.Time `json:"started_at"`
	LastHeartbeat time.Time `json:"last_heartbeat"`
}

// maplefile: SET NX PX of the instance id, and the info beside it with the same TTL, written at each heartbeat.
type maplefile struct {
	client *redis.Client
	s      settings
	info   leaderInfo
}

func (m *maplefile) tellInfo(ctx context.Context) error {
	m.info.LastHeartbeat = time.Now()
	text, err := json.Marshal(m.info)
	if err != nil {
		return err
	}
	return m.client.Set(ctx, m.s.infoKey, text, m.s.ttl).Err()
}

func (m *maplefile) obtain(ctx context.Context) (bool, int64, error) {
	held, err := m.client.SetNX(ctx, m.s.key, m.s.id, m.s.ttl).Result()
	if err != nil || !held {
		return false, 0, err
	}
	hostname, _ := os.Hostname()
	m.info = leaderInfo{InstanceID: m.s.id, Hostname: hostname, StartedAt: time.Now()}
	return true, 0, m.tellInfo(ctx)
}

func (m *maplefile) refresh(ctx context.Context) (bool, error) {
	held, err := extendMine.Run(ctx, m.client, []string{m.s.key}, m.s.id, m.s.ttl.Milliseconds()).Bool()
	if err != nil || !held {
		return false, err
	}
	return true, m.tellInfo(ctx)
}

func (m *maplefile) release(ctx context.Context) error {
	return deleteMine.Run(ctx, m.client, []string{m.s.key, m.s.infoKey}, m.s.id).Err()
}

func runMaplefile(ctx context.Context, client *redis.Client, s settings, tell *teller) {
	if s.retry == 0 {
		s.retry = s.ttl / 5
	}
	campaign(ctx, &maplefile{client: client, s: s}, s, tell)
}

// lookAtMaplefile reads the leader as its consumers do: its id is the lock's value, all else is the info's.
func lookAtMaplefile(ctx context.Context, client *redis.Client, s settings) {
	id, err := client.Get(ctx, s.key).Result()
	if err != nil {
		failed("lock", err)
		os.Exit(1)
	}
	text, err := client.Get(ctx, s.infoKey).Bytes()
	if err != nil {
		failed("info", err)
		os.Exit(1)
	}
	var info leaderInfo
	if err := json.Unmarshal(text, &info); err != nil {
		failed("info", err)
		os.Exit(1)
	}
	line, _ := json.Marshal(map[string]interface{}{"leader_id": id, "instance_id": info.InstanceID,
		"hostname": info.Hostname, "started_at": info.StartedAt.UnixNano(), "last_heartbeat": info.LastHeartbeat.UnixNano()})
	fmt.Println(string(line))
}

// elector: SET NX EX of the node id in whole seconds with an INCR of the epoch, and both intervals a third of the TTL.
type elector struct {
	client *redis.Client
	s      settings
}

func (e elector) keys() []string {
	return []string{e.s.key + ":{election}:leader", e.s.key + ":{election}:epoch"}
}

func (e elector) obtain(ctx context.Context) (bool, int64, error) {
	epoch, err := electAndCount.Run(ctx, e.client, e.keys(), e.s.id, int64(e.s.ttl/time.Second)).Int64()
	return epoch > 0, epoch, err
}

func (e elector) refresh(ctx context.Context) (bool, error) {
	return extendMineSeconds.Run(ctx, e.client, e.keys()[:1], e.s.id, int64(e.s.ttl/time.Second)).Bool()
}

func (e elector) release(ctx context.Context) error {
	if e.s.keepsKey {
		return nil
	}
	return deleteMine.Run(ctx, e.client, e.keys()[:1], e.s.id).Err()
}

func runElector(ctx context.Context, client *redis.Client, s settings, tell *teller) {
	if s.retry == 0 {
		s.retry = s.ttl / 3
	}
	campaign(ctx, elector{client: client, s: s}, s, tell)
}
