//go:build linux

package bench

import (
	"context"
	"io"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/internal/celect"
)

// What Election.IsLeader costs beside a plain cgo call of the same C function, in turns, so that both have the same
// machine. Of each, the minimum: whatever else the machine did only adds.
func BenchmarkIsLeaderAgainstPlainCall(b *testing.B) {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	election, err := elect.New(&elect.Config{Store: "memory:", Name: "billing", Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	defer election.Stop()
	if err := election.Begin(context.Background()); err != nil {
		b.Fatal(err)
	}
	if err := election.WaitElected(context.Background()); err != nil {
		b.Fatal(err)
	}
	other := plainLeader(b)

	ours, plain := math.Inf(1), math.Inf(1)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		plain = math.Min(plain, perCall(b, func() bool { return isLeader(other) }))
		ours = math.Min(ours, perCall(b, election.IsLeader))
	}
	b.ReportMetric(0, "ns/op") // of 2,000 calls
	b.ReportMetric(plain, "plain-ns")
	b.ReportMetric(ours, "ns")
	b.ReportMetric(ours/plain, "x-plain")
}

func perCall(b *testing.B, leads func() bool) float64 {
	const calls = 1000
	from := time.Now()
	for i := 0; i < calls; i++ {
		if !leads() {
			b.Fatal("does not lead")
		}
	}
	return float64(time.Since(from).Nanoseconds()) / calls
}

// plainLeader is a candidate by the functions of C, which leads until the test ends.
func plainLeader(b *testing.B) uintptr {
	where, what := celect.Options_new(), celect.Options_new()
	defer celect.Options_free(where)
	defer celect.Options_free(what)
	celect.Options_set(where, "store", "memory:")
	celect.Options_set(what, "name", "billing")
	var client, election uintptr
	if celect.Client_open(where, &client) != celect.ELECT_OK {
		b.Fatal(celect.Options_error(where))
	}
	if celect.Election_new(celect.SwigcptrElect_client(client), what, &election) != celect.ELECT_OK {
		b.Fatal(celect.Options_error(what))
	}
	b.Cleanup(func() {
		celect.Client_close(celect.SwigcptrElect_client(client), -1)
		celect.Election_free(celect.SwigcptrElect_election(election))
		celect.Client_free(celect.SwigcptrElect_client(client))
	})
	celect.Election_start(celect.SwigcptrElect_election(election))
	if celect.Election_wait(celect.SwigcptrElect_election(election), -1) != celect.ELECT_OK {
		b.Fatal("does not lead")
	}
	return election
}
