package movingover

import (
	"context"
	"crypto/sha1"
	"encoding/base32"
	"errors"
	"io"
	"log"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/internal/redistest"
	elector "github.com/libelect/libelect/go/movingover/elector/after"
	goleader "github.com/libelect/libelect/go/movingover/goleader/after"
	"github.com/libelect/libelect/go/movingover/locks"
	maplefile "github.com/libelect/libelect/go/movingover/maplefile/after"
	maplefilebyelect "github.com/libelect/libelect/go/movingover/maplefile/elect"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// One server for all: when the first test has waited until it is old enough to be trusted, the others need not.
func TestWhatIsOursRuns(t *testing.T) {
	server := redistest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: strings.TrimPrefix(server.URL(), "redis+unix://")})
	defer client.Close()
	store := server.URL() + "?restart_grace=0s"
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	defer log.SetOutput(log.Writer())
	log.SetOutput(io.Discard)

	t.Run("MapleFile by an import line", func(t *testing.T) { tryMapleFile(t, client, maplefile.Bill) })
	t.Run("MapleFile by elect", func(t *testing.T) { tryMapleFile(t, client, maplefilebyelect.Bill) })
	t.Run("ProvideLeaderElection", func(t *testing.T) { tryProvide(t, client) })
	t.Run("Elector", func(t *testing.T) { tryElector(t, client, store, quiet) })
	t.Run("go-leader", func(t *testing.T) { tryGoLeader(t, client) })
	t.Run("both locks", func(t *testing.T) { tryBothLocks(t, client, store, quiet) })
}

func receive[T any](t *testing.T, channel <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-channel:
	case <-time.After(time.Minute): // a hang
		t.Fatal("nothing comes")
	}
	return value
}

func exists(t *testing.T, client *redis.Client, want int64, keys ...string) {
	t.Helper()
	if n, err := client.Exists(context.Background(), keys...).Result(); n != want || err != nil {
		t.Errorf("%d of %v exist (%v), want %d", n, keys, err, want)
	}
}

func tryMapleFile(t *testing.T, client *redis.Client, bill func(context.Context, *redis.Client, *zap.Logger) error) {
	says := make(chan string, 100)
	logger := zap.New(told{zapcore.NewNopCore(), says})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- bill(ctx, client, logger) }()
	for receive(t, says) != "billing starts" {
	}
	exists(t, client, 2, "billing:leader", "billing:leader:info")
	cancel()
	for receive(t, says) != "billing stops" {
	}
	if err := receive(t, ended); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	exists(t, client, 0, "billing:leader", "billing:leader:info")
}

// told is a core that passes on what is logged.
type told struct {
	zapcore.Core
	says chan<- string
}

func (c told) Enabled(level zapcore.Level) bool           { return level >= zapcore.InfoLevel }
func (c told) With([]zapcore.Field) zapcore.Core          { return c }
func (c told) Write(zapcore.Entry, []zapcore.Field) error { return nil }
func (c told) Check(entry zapcore.Entry, _ *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		c.says <- entry.Message
	}
	return nil
}

func tryProvide(t *testing.T, client *redis.Client) {
	election, cleanup, err := maplefilebyelect.ProvideLeaderElection(client, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	won, ended := make(chan bool, 1), make(chan error, 1)
	election.OnBecomeLeader(func() { won <- true })
	go func() { ended <- election.Start(context.Background()) }()
	receive(t, won)
	exists(t, client, 2, "maplefile:leader:lock", "maplefile:leader:info")
	cleanup()
	if err := receive(t, ended); err != nil {
		t.Error(err)
	}
	exists(t, client, 0, "maplefile:leader:lock", "maplefile:leader:info")
}

func tryElector(t *testing.T, client *redis.Client, store string, quiet *slog.Logger) {
	due, epochs, ended := make(chan int), make(chan uint64, 1), make(chan error, 1)
	bill := func(item int, epoch uint64) {
		exists(t, client, 2, "billing:{election}:leader", "billing:{election}:epoch")
		epochs <- epoch
	}
	go func() { ended <- elector.Bill(context.Background(), store, quiet, due, bill) }()
	var epoch uint64
	for epoch == 0 { // items are left until it leads
		select {
		case due <- 1:
		case epoch = <-epochs:
		}
	}
	close(due)
	if err := receive(t, ended); err != nil {
		t.Error(err)
	}
	exists(t, client, 0, "billing:{election}:leader")

	due = make(chan int, 1)
	due <- 2
	close(due)
	candidate, err := elect.New(&elect.Config{Store: store, Name: "billing", Layout: elect.LayoutElector, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	var later uint64
	err = elector.BillByTerms(context.Background(), candidate, due, func(item int, epoch uint64) { later = epoch })
	if err != nil || later <= epoch {
		t.Error(err, epoch, later)
	}
}

func tryGoLeader(t *testing.T, client *redis.Client) {
	sum := sha1.Sum([]byte("io.vito.billing"))
	key := "leader:" + base32.StdEncoding.EncodeToString(sum[:])
	promoted, demoted, ended := make(chan bool, 1), make(chan bool, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		ended <- goleader.Bill(ctx, client, func() { promoted <- true }, func() { demoted <- true })
	}()
	receive(t, promoted)
	exists(t, client, 1, key)
	cancel()
	receive(t, demoted)
	if err := receive(t, ended); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	exists(t, client, 0, key)
}

// An old copy leads while a copy of step 2 stands: that works only once the old one has gone, and releases both at its end.
func tryBothLocks(t *testing.T, client *redis.Client, store string, quiet *slog.Logger) {
	ctx := context.Background()
	const newKey, oldKey = "elect:{billing}:leader", "maplefile:leader:lock"
	if err := client.Set(ctx, oldKey, "old-1", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	newLock := elect.Config{Store: store, Name: "billing", LockTTL: 3 * time.Second, Logger: quiet}
	oldLock := newLock
	oldLock.Layout = elect.LayoutMapleFile
	ended, terms := make(chan error, 1), 0
	go func() {
		ended <- locks.BothLocks(ctx, &newLock, &oldLock, func(ctx context.Context, newTerm, oldTerm elect.Term) error {
			exists(t, client, 2, newKey, oldKey)
			if holder := client.Get(ctx, oldKey).Val(); holder == "old-1" {
				t.Error("it works beside the old leader")
			}
			if oldTerm.Epoch <= newTerm.Epoch {
				t.Error("the old lock's epoch isn't the later one:", oldTerm.Epoch, newTerm.Epoch)
			}
			if terms++; terms == 1 {
				loseNew(t, ctx, newTerm, oldTerm)
			}
			return nil
		})
	}()
	for client.Exists(ctx, newKey).Val() == 0 {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-ended:
		t.Error("it didn't wait for the old lock:", err)
	default:
	}
	client.Del(ctx, oldKey)
	if err := receive(t, ended); err != nil {
		t.Error(err)
	}
	exists(t, client, 0, newKey, oldKey)
	if terms != 2 {
		t.Error("times that it stood again and led:", terms-1)
	}
}

// The end of the new lock's term is told by that term at once, and by the work's context.
func loseNew(t *testing.T, ctx context.Context, newTerm, oldTerm elect.Term) {
	if newTerm.Check() != nil || oldTerm.Check() != nil {
		t.Error("a term has ended:", newTerm.Check(), oldTerm.Check())
	}
	if err := newTerm.Resign(0); err != nil {
		t.Error(err)
	}
	if err := newTerm.Check(); !errors.Is(err, elect.ErrNotLeader) {
		t.Error("the new lock's term after it was resigned:", err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Error("the work wasn't told of the end of the new lock's term")
	}
}
