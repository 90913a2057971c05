// peer stands in an election on Redis as one of the systems that libelect shares a lock with while a fleet moves over:
// the real go-leader, redislock and redsync, and stand-ins for two whose protocol is documented but whose source is not
// published. It tells what happens by lines of JSON, ends gracefully when told "stop", and at once when its input ends.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/redis/go-redis/v9"
)

// settings are those of every kind; what one does not have it ignores.
type settings struct {
	key, infoKey, id  string
	ttl, renew, retry time.Duration
	keepsKey          bool
}

// A peer stands until its context ends; then it has released what it held.
type peer func(ctx context.Context, client *redis.Client, s settings, tell *teller)

var peers = map[string]peer{
	"redislock": runRedislock,
	"redsync":   runRedsync,
	"go-leader": runGoLeader,
	"maplefile": runMaplefile,
	"elector":   runElector,
}

// nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share.
func nanoseconds() int64 {
	const monotonic = 1
	var now syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, monotonic, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

// teller says when this peer certainly led: from after it knew until before it gave up. So two terms that overlap in what
// was told did overlap.
type teller struct {
	mu      sync.Mutex
	leading bool
}

func (t *teller) say(event string, at int64, epoch int64) {
	line, _ := json.Marshal(map[string]interface{}{"event": event, "at": at, "epoch": epoch})
	os.Stdout.Write(append(line, '\n'))
}

func (t *teller) elected(epoch int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.leading {
		t.leading = true
		t.say("elected", nanoseconds(), epoch)
	}
}

// lost at the time of at, or now, whichever came first.
func (t *teller) lost(at int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.leading {
		t.leading = false
		if now := nanoseconds(); at > now {
			at = now
		}
		t.say("lost", at, 0)
	}
}

// stopping: a careful user does no work any more from before the release is sent.
func (t *teller) stopping() {
	now := nanoseconds()
	t.lost(now)
	t.say("stopping", now, 0)
}

func failed(what string, err error) {
	fmt.Fprintf(os.Stderr, "peer: %s: %v\n", what, err)
}

// wait answers false when the context ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func parse() (peer, *redis.Client, settings, bool) {
	var s settings
	kind := flag.String("kind", "", "redislock, redsync, go-leader, maplefile or elector")
	server := flag.String("redis", "", "host:port, or the path of a socket")
	flag.StringVar(&s.key, "key", "", "the lock's key; go-leader, elector: what they make one of")
	flag.StringVar(&s.infoKey, "info-key", "maplefile:leader:info", "maplefile")
	flag.StringVar(&s.id, "id", "", "maplefile, elector; redislock: its token, which it draws otherwise")
	flag.DurationVar(&s.ttl, "ttl", 10*time.Second, "how long the lock lasts")
	flag.DurationVar(&s.renew, "renew", 0, "how often a leader renews it (default a third of ttl; go-leader: half of it, always)")
	flag.DurationVar(&s.retry, "retry", 0, "how often the others try (default a fifth of ttl; redsync: its own)")
	flag.BoolVar(&s.keepsKey, "keeps-key", false, "elector: its stop leaves the key, as that of v0.1.11 was seen to")
	look := flag.Bool("look", false, "maplefile: prints what its consumers read of the leader, and ends")
	flag.Parse()
	run, ok := peers[*kind]
	if !ok || *server == "" || s.key == "" {
		flag.Usage()
		os.Exit(2)
	}
	if s.renew == 0 {
		s.renew = s.ttl / 3
	}
	network := "tcp"
	if strings.HasPrefix(*server, "/") {
		network = "unix"
	}
	return run, redis.NewClient(&redis.Options{Network: network, Addr: *server}), s, *look
}

func main() {
	run, client, s, look := parse()
	ctx, stop := context.WithCancel(context.Background())
	if look {
		lookAtMaplefile(ctx, client, s)
		return
	}
	if err := client.Ping(ctx).Err(); err != nil {
		failed("no server", err)
		os.Exit(1)
	}
	var tell teller
	tell.say("standing", nanoseconds(), 0)
	ended := make(chan struct{})
	go func() {
		run(ctx, client, s, &tell)
		close(ended)
	}()
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil || line != "stop\n" {
		os.Exit(1)
	}
	tell.stopping()
	stop()
	<-ended
	tell.say("stopped", nanoseconds(), 0)
}
