// Package elect elects a leader: of all processes that stand in one election, one leads.
//
//	election, err := elect.New(&elect.Config{Store: "redis://redis.example", Name: "billing"})
//	...
//	err = election.Run(ctx, func(ctx context.Context, term elect.Term) error {
//		return bill(ctx, term.Epoch) // ctx ends with the term
//	})
//
// Run, or Start (Begin, which doesn't block) with OnBecomeLeader and OnLoseLeadership, or Channels, or a loop that asks
// IsLeader: each of them will do. IsLeader asks a clock and no store: it is true only while the lease is proven to last,
// also after the process was stopped or the machine slept.
//
// Callbacks and the functions of Run hold the release: a leader that steps down keeps its lease until they have
// returned, for at most Config.DrainTimeout. So let them return when the leader's work has ended. Channels, Observe and a
// loop around IsLeader hold nothing.
//
// Elections of one Client share a connection and two threads. An idle election has no goroutine. All methods may be called
// from any goroutine, also from callbacks, where Stop and Close don't wait. But a callback, or a function of Run, must not
// wait for a goroutine that calls them: they wait for it.
//
// It is for Linux on amd64 and arm64, and needs cgo and four libraries (Debian: gcc libevent-dev libcjson-dev
// libhiredis-dev libssl-dev). Elsewhere it compiles, and New answers ErrUnsupported.
package elect
