//go:build linux

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bsm/redislock"
	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/heyvito/go-leader/leader"
	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/internal/redistest"
	"github.com/redis/go-redis/v9"
)

const (
	elections = 1000
	ttl       = 10 * time.Second
)

// Each has elections in which it leads, in a process of its own, all on one server, and answers when it leads in all.
var contenders = []struct {
	name  string
	stand func(socket string) error
}{
	{"libelect", standElect},
	{"go-leader", standGoLeader},
	{"redislock", standRedislock},
	{"redsync", standRedsync},
}

// What a process weighs: bytes, and goroutines.
type weight struct{ Heap, Stack, RSS, Goroutines int64 }

func (w weight) less(than weight) weight {
	return weight{w.Heap - than.Heap, w.Stack - than.Stack, w.RSS - than.RSS, w.Goroutines - than.Goroutines}
}

func weigh() weight {
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	var size, resident int64
	statm, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		_, err = fmt.Sscan(string(statm), &size, &resident)
	}
	if err != nil {
		panic(err)
	}
	return weight{int64(stats.HeapAlloc), int64(stats.StackInuse), resident * int64(os.Getpagesize()), int64(runtime.NumGoroutine())}
}

// The test binary is also the process that is weighed.
func TestMain(m *testing.M) {
	name, socket := os.Getenv("ELECT_BENCH_CONTENDER"), os.Getenv("ELECT_BENCH_SOCKET")
	for _, contender := range contenders {
		if contender.name != name {
			continue
		}
		before := weigh()
		if err := contender.stand(socket); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_ = json.NewEncoder(os.Stdout).Encode(weigh().less(before))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// BenchmarkElections is what an election costs its process while it leads: heap and stacks of Go, and all of the resident
// memory, which is also that of C.
func BenchmarkElections(b *testing.B) {
	server := redistest.Start(b)
	for _, contender := range contenders {
		b.Run(contender.name, func(b *testing.B) {
			var total weight
			for i := 0; i < b.N; i++ {
				if answer := server.Do("FLUSHALL"); answer != "+OK" {
					b.Fatal(answer)
				}
				one := run(b, contender.name, strings.TrimPrefix(server.URL(), "redis+unix://"))
				total = total.less(weight{-one.Heap, -one.Stack, -one.RSS, -one.Goroutines})
			}
			for unit, value := range map[string]int64{"heap-B/election": total.Heap, "stack-B/election": total.Stack,
				"RSS-B/election": total.RSS, "goroutines/election": total.Goroutines} {
				b.ReportMetric(float64(value)/float64(b.N)/elections, unit)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func run(b *testing.B, name, socket string) (w weight) {
	b.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "ELECT_BENCH_CONTENDER="+name, "ELECT_BENCH_SOCKET="+socket)
	child.Stderr = os.Stderr
	out, err := child.Output()
	if err == nil {
		err = json.Unmarshal(out, &w)
	}
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return w
}

// ---- the contenders ----

func standElect(socket string) error {
	logger := slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))
	// The server is new, and has forgotten nobody.
	client, err := elect.Open(&elect.Config{Store: "redis+unix://" + socket, LockTTL: ttl, RestartGrace: elect.None, Logger: logger})
	if err != nil {
		return err
	}
	leads := make(chan struct{}, elections)
	for i := 0; i < elections; i++ {
		election, err := client.New(&elect.Config{Name: strconv.Itoa(i)})
		if err != nil {
			return err
		}
		election.OnBecomeLeader(func() { leads <- struct{}{} })
		if err := election.Begin(context.Background()); err != nil {
			return err
		}
	}
	return all(leads)
}

func all(leads <-chan struct{}) error {
	for i := 0; i < elections; i++ {
		select {
		case <-leads:
		case <-time.After(time.Minute):
			return fmt.Errorf("leads in %d of %d elections", i, elections)
		}
	}
	return nil
}

func connect(socket string) *redis.Client {
	return redis.NewClient(&redis.Options{Network: "unix", Addr: socket})
}

// With the loop over its channels that its documentation asks for.
func standGoLeader(socket string) error {
	client := connect(socket)
	leads := make(chan struct{}, elections)
	for i := 0; i < elections; i++ {
		one, promoted, demoted, errored := leader.NewLeader(leader.Opts{Redis: client, TTL: ttl, Wait: ttl / 5, Key: strconv.Itoa(i)})
		go func() {
			for {
				select {
				case <-promoted:
					leads <- struct{}{}
				case <-demoted:
				case err := <-errored:
					fmt.Fprintln(os.Stderr, "go-leader:", err)
				}
			}
		}()
		one.Start()
	}
	return all(leads)
}

// redislock and redsync are locks: who leads by one of them has a loop that renews it.
func standRedislock(socket string) error {
	locker := redislock.New(connect(socket))
	return holdLocks(func(key string) (renew func() error, err error) {
		lock, err := locker.Obtain(context.Background(), key, ttl, nil)
		return func() error { return lock.Refresh(context.Background(), ttl, nil) }, err
	})
}

func standRedsync(socket string) error {
	pool := redsync.New(goredis.NewPool(connect(socket)))
	return holdLocks(func(key string) (renew func() error, err error) {
		mutex := pool.NewMutex(key, redsync.WithExpiry(ttl))
		return func() error {
			_, err := mutex.Extend()
			return err
		}, mutex.Lock()
	})
}

func holdLocks(obtain func(key string) (renew func() error, err error)) error {
	leads := make(chan struct{}, elections)
	for i := 0; i < elections; i++ {
		renew, err := obtain(strconv.Itoa(i))
		if err != nil {
			return err
		}
		go func() {
			leads <- struct{}{}
			ticker := time.NewTicker(ttl * 3 / 10)
			for range ticker.C {
				if err := renew(); err != nil {
					fmt.Fprintln(os.Stderr, err)
				}
			}
		}()
	}
	return all(leads)
}
