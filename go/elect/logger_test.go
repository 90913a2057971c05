//go:build linux

package elect_test

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/libelect/libelect/go/elect"
)

// A handler gives each record's text to a function.
type handler func(record string)

func (h handler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }
func (h handler) WithAttrs([]slog.Attr) slog.Handler               { return h }
func (h handler) WithGroup(string) slog.Handler                    { return h }
func (h handler) Handle(ctx context.Context, record slog.Record) error {
	var text bytes.Buffer
	err := slog.NewTextHandler(&text, nil).Handle(ctx, record)
	h(text.String())
	return err
}

func tellingLogger(records story) *slog.Logger {
	return slog.New(handler(func(record string) { records <- record }))
}

func TestLoggerTakesWhatItsLevelAllows(t *testing.T) {
	records := newStory()
	client := open(t, &elect.Config{Store: "memory:", Logger: tellingLogger(records)})
	election := candidate(t, client, "job")
	lead(t, election)
	record := receive(t, "a record", records)
	if !strings.Contains(record, "level=INFO") || !strings.Contains(record, "election=job") ||
		!strings.Contains(record, "id="+election.GetInstanceID()) {
		t.Error(record)
	}
	check(t, client.Update(&elect.Config{LogLevel: "off"}))
	for _, changes := range []*elect.Config{{Logger: quiet()}, {KeepStanding: true}} {
		expectInvalid(t, client.Update(changes))
		expectInvalid(t, election.Update(changes))
	}
	expectInvalid(t, second(client.New(&elect.Config{Name: "job", Logger: quiet()})))
}

func second[T any](_ T, err error) error { return err }

func TestTheURLsLogLevelCounts(t *testing.T) {
	records := newStory()
	client := open(t, &elect.Config{Store: "memory:?log_level=off", Logger: tellingLogger(records)})
	lead(t, candidate(t, client, "job"))
	closeNow(t, client)
	records.end(t)
}

// A logger may panic, end its goroutine and block; elections go on.
func TestLoggersThatGoWrong(t *testing.T) {
	held := make(chan struct{})
	for name, wrong := range map[string]func(){
		"panics":    func() { panic("of a logger (this is expected)") },
		"goes away": runtime.Goexit,
		"blocks":    func() { <-held },
	} {
		wrong := wrong
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			client := open(t, &elect.Config{Store: "memory:", Logger: slog.New(handler(func(string) {
				calls.Add(1)
				wrong()
			}))})
			for i := 0; i < 2; i++ {
				election := candidate(t, client, "job")
				election.OnLoseLeadership(func() { panic("is logged, too") })
				lead(t, election)
				stop(t, election)
			}
			closeNow(t, client)
			if name == "blocks" {
				close(held)
			}
			if calls.Load() == 0 {
				t.Error("nothing was logged")
			}
		})
	}
}

func TestStopAndCloseFromALogger(t *testing.T) {
	var election *elect.Election
	ready, done := make(chan struct{}), make(chan error, 100)
	client := open(t, &elect.Config{Store: "memory:", Logger: slog.New(handler(func(string) {
		<-ready
		done <- election.Stop()
		done <- election.Client().Close()
	}))})
	election = candidate(t, client, "job")
	close(ready)
	check(t, election.Start(context.Background()))
	check(t, receive(t, "Stop", done))
	check(t, receive(t, "Close", done))
}

// What a slow logger missed is counted.
func TestASlowLoggerLosesRecords(t *testing.T) {
	held, records := make(chan struct{}), make(story, 10000)
	client := open(t, &elect.Config{Store: "memory:", LogLevel: "off", Logger: slog.New(handler(func(record string) {
		<-held
		records <- record
	}))})
	election := candidate(t, client, "job")
	lead(t, election)
	told := make(chan struct{}, 1000)
	for i := 0; i < 400; i++ {
		election.OnBecomeLeader(func() {
			told <- struct{}{}
			panic("is logged")
		})
		receive(t, "a callback", told)
	}
	close(held)
	stop(t, election)
	for dropped := false; !dropped; {
		record := receive(t, "the number of those that were dropped", records)
		dropped = strings.Contains(record, "records were dropped")
		if !dropped && len(records) == 0 {
			election := candidate(t, client, "another") // the number comes with the next record
			election.OnBecomeLeader(func() { panic("is logged") })
			lead(t, election)
			stop(t, election)
		}
	}
}
