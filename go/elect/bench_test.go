package elect_test

import (
	"context"
	"io"
	"log/slog"
	"sort"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/internal/celect"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// leading is an election whose candidate leads, until the test ends.
func leading(t testing.TB) *elect.Election {
	election, err := elect.New(&elect.Config{Store: "memory:", Name: "billing", Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = election.Stop() })
	if err := election.Begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := election.WaitElected(context.Background()); err != nil {
		t.Fatal(err)
	}
	return election
}

func TestIsLeaderAllocatesNothing(t *testing.T) {
	election := leading(t)
	if allocated := testing.AllocsPerRun(1000, func() {
		if !election.IsLeader() {
			t.Fatal("does not lead")
		}
	}); allocated != 0 {
		t.Errorf("%v allocations", allocated)
	}
}

func BenchmarkIsLeader(b *testing.B) {
	election := leading(b)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if !election.IsLeader() {
			b.Fatal("does not lead")
		}
	}
}

// How long after Resign was called the leader's work hears of it, by each way that there is. The C queue alone, read by
// a goroutine, is what none of them can beat.
func BenchmarkEventDelivery(b *testing.B) {
	b.Run("queue", benchmarkQueue)
	b.Run("callback", func(b *testing.B) { benchmarkDelivery(b, byCallback) })
	b.Run("channel", func(b *testing.B) { benchmarkDelivery(b, byChannel) })
	b.Run("Run", func(b *testing.B) { benchmarkDelivery(b, byRun) })
}

type heard struct{ elected, lost chan time.Time }

func byCallback(election *elect.Election, to heard) {
	election.OnBecomeLeader(func() { to.elected <- time.Now() })
	election.OnLoseLeadership(func() { to.lost <- time.Now() })
	_ = election.Start(context.Background())
}

func byChannel(election *elect.Election, to heard) {
	elected, lost, _ := election.Channels()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = election.Start(context.Background())
	}()
	for {
		select {
		case <-elected:
			to.elected <- time.Now()
		case <-lost:
			to.lost <- time.Now()
		case <-ended:
			return
		}
	}
}

func byRun(election *elect.Election, to heard) {
	_ = election.Run(context.Background(), func(ctx context.Context, _ elect.Term) error {
		to.elected <- time.Now()
		<-ctx.Done()
		to.lost <- time.Now()
		return nil
	})
}

func benchmarkDelivery(b *testing.B, way func(*elect.Election, heard)) {
	election, err := elect.New(&elect.Config{Store: "memory:", Name: "billing", Logger: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	to := heard{make(chan time.Time, 10), make(chan time.Time, 10)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		way(election, to)
	}()
	<-to.elected
	took := make([]time.Duration, b.N)
	b.ResetTimer()
	for i := range took {
		asked := time.Now()
		if err := election.Resign(0); err != nil {
			b.Fatal(err)
		}
		took[i] = (<-to.lost).Sub(asked)
		<-to.elected
	}
	b.StopTimer()
	report(b, took)
	if err := election.Stop(); err != nil {
		b.Fatal(err)
	}
	<-ended
}

func benchmarkQueue(b *testing.B) {
	where, what := celect.Options_new(), celect.Options_new()
	defer celect.Options_free(where)
	defer celect.Options_free(what)
	celect.Options_set(where, "store", "memory:")
	celect.Options_set(what, "name", "billing")
	var at uintptr
	if code := celect.Client_open(where, &at); code != celect.ELECT_OK {
		b.Fatal(celect.Options_error(where))
	}
	client := celect.SwigcptrElect_client(at)
	defer celect.Client_free(client)
	if code := celect.Election_new(client, what, &at); code != celect.ELECT_OK {
		b.Fatal(celect.Options_error(what))
	}
	election := celect.SwigcptrElect_election(at)
	defer celect.Election_free(election)
	celect.Election_queue_events(election, 1)
	celect.Election_start(election)

	to := heard{make(chan time.Time, 10), make(chan time.Time, 10)}
	go func() {
		var at uintptr
		for celect.Client_next_event(client, -1, &at) == celect.ELECT_OK {
			now, event := time.Now(), celect.SwigcptrElect_event(at)
			switch celect.Event_kind(event) {
			case celect.ELECT_EVENT_ELECTED:
				to.elected <- now
			case celect.ELECT_EVENT_LOST:
				to.lost <- now
			}
			celect.Event_free(event)
		}
		close(to.elected)
	}()
	<-to.elected
	took := make([]time.Duration, b.N)
	b.ResetTimer()
	for i := range took {
		asked := time.Now()
		celect.Election_resign(election, 0, 0)
		took[i] = (<-to.lost).Sub(asked)
		<-to.elected
	}
	b.StopTimer()
	report(b, took)
	celect.Client_close(client, -1)
	for range to.elected { // closed when the queue has ended
	}
}

func report(b *testing.B, took []time.Duration) {
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	microseconds := func(percent int) float64 { return float64(took[(len(took)-1)*percent/100].Nanoseconds()) / 1e3 }
	b.ReportMetric(0, "ns/op") // which is a whole round of resigning and standing again
	b.ReportMetric(microseconds(50), "p50-us")
	b.ReportMetric(microseconds(99), "p99-us")
}
