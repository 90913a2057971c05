//go:build linux

package elect_test

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
)

var errWork = errors.New("the work failed")

type work = func(context.Context, elect.Term) error

// run runs on a goroutine of its own, and answers where its end is told.
func run(ctx context.Context, election *elect.Election, work work) <-chan error {
	ran := make(chan error, 1)
	go func() { ran <- election.Run(ctx, work) }()
	return ran
}

func TestRunUntilTheWorkIsDone(t *testing.T) {
	noLeaks(t)
	election, err := elect.New(&elect.Config{Store: "memory:", Name: "job", LogLevel: "off"})
	check(t, err)
	err = election.Run(context.Background(), func(ctx context.Context, term elect.Term) error {
		check(t, ctx.Err())
		check(t, term.Check())
		check(t, election.Check(ctx))
		expect(t, "IsLeader", election.IsLeader(), true)
		expect(t, "Epoch", election.Epoch(), term.Epoch)
		if left := term.LeaseRemaining(); left <= 0 || left > 10*time.Second || election.LeaseRemaining() <= 0 {
			t.Error("LeaseRemaining:", left)
		}
		info, err := election.GetLeaderInfo()
		check(t, err)
		expect(t, "the leader", info.InstanceID, election.GetInstanceID())
		expect(t, "its epoch", info.Epoch, term.Epoch)
		return nil
	})
	check(t, err)
	expectNotLeading(t, election)
	check(t, election.Stop())
}

func TestRunReturnsTheErrorOfItsTerm(t *testing.T) {
	client := open(t, nil)
	election := candidate(t, client, "job")
	expect(t, "Run", election.Run(context.Background(), func(context.Context, elect.Term) error { return errWork }), errWork)
	expectNotLeading(t, election)
	next := candidate(t, client, "job")
	lead(t, next) // at once: it was released
}

func TestRunKeepsStanding(t *testing.T) {
	client := open(t, nil)
	election, err := client.New(&elect.Config{Name: "job", KeepStanding: true, RetryInterval: 10 * time.Millisecond})
	check(t, err)
	ctx, cancel := context.WithCancelCause(context.Background())
	var epochs []uint64
	err = election.Run(ctx, func(_ context.Context, term elect.Term) error {
		epochs = append(epochs, term.Epoch)
		if len(epochs) == 3 {
			cancel(errors.New("enough"))
		}
		return errWork
	})
	if err == nil || err.Error() != "enough" {
		t.Error(err)
	}
	if len(epochs) != 3 || epochs[0] >= epochs[1] || epochs[1] >= epochs[2] {
		t.Error("epochs", epochs)
	}
}

// A term ends, and Run stands again: once the function of the term before has returned, whatever that answers.
func TestRunStandsAgainAfterALoss(t *testing.T) {
	client := open(t, nil)
	election := candidate(t, client, "job")
	began, back := make(chan elect.Term), make(chan error)
	working := 0
	ran := run(context.Background(), election, func(ctx context.Context, term elect.Term) error {
		working++
		expect(t, "functions that work", working, 1)
		defer func() { working-- }()
		began <- term
		<-ctx.Done()
		var lost *elect.LostError
		if !errors.As(context.Cause(ctx), &lost) || lost.Epoch != term.Epoch {
			t.Error("the cause:", context.Cause(ctx))
		}
		expect(t, "Check", term.Check(), error(elect.ErrNotLeader))
		if term.LeaseRemaining() <= 0 {
			t.Error("the lease is renewed while the work ends")
		}
		return <-back
	})
	last := elect.Term{}
	for _, err := range []error{nil, errWork} {
		term := receive(t, "a term", began)
		if term.Epoch <= last.Epoch {
			t.Error("epochs:", last.Epoch, term.Epoch)
		}
		if last.Epoch != 0 {
			expect(t, "Resign of an old term", last.Resign(0), error(elect.ErrNotLeader))
		}
		check(t, term.Resign(0))
		last = term
		back <- err
	}
	receive(t, "a third term", began)
	stopped := make(chan error, 1)
	go func() { stopped <- election.Stop() }()
	select {
	case <-stopped:
		t.Error("Stop did not wait for the work")
	case back <- nil:
	}
	// It ended because of Stop.
	check(t, receive(t, "Run", ran))
}

func TestRunDrainsWhenItsContextEnds(t *testing.T) {
	client := open(t, nil)
	election := candidate(t, client, "job")
	cause := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(context.Background())
	began, drained := make(chan struct{}), make(chan struct{})
	ran := run(ctx, election, func(ctx context.Context, term elect.Term) error {
		close(began)
		<-ctx.Done()
		expect(t, "the cause", context.Cause(ctx), cause)
		<-drained
		if term.LeaseRemaining() <= 0 {
			t.Error("the lease was released before the work ended")
		}
		return errWork
	})
	receive(t, "the work", began)
	cancel(cause)
	rival := candidate(t, client, "watch") // whatever comes now comes after what cancel began
	lead(t, rival)
	close(drained)
	expect(t, "Run", receive(t, "Run", ran), cause)
	expectNotLeading(t, election)
}

func TestRunWhoseWorkNeverReturns(t *testing.T) {
	client := open(t, nil)
	election, err := client.New(&elect.Config{Name: "job", DrainTimeout: elect.None})
	check(t, err)
	began, held := make(chan struct{}), make(chan struct{})
	ran := run(context.Background(), election, func(context.Context, elect.Term) error {
		close(began)
		<-held
		return nil
	})
	receive(t, "the work", began)
	check(t, election.Stop())
	expectNotBeginning(t, election)
	closeNow(t, client)
	close(held)
	check(t, receive(t, "Run", ran))
}

// Stop and Close by the work itself only ask: they would wait for it.
func TestStopAndCloseByTheWork(t *testing.T) {
	client := open(t, nil)
	election := candidate(t, client, "job")
	check(t, election.Run(context.Background(), func(ctx context.Context, _ elect.Term) error {
		check(t, election.Stop())
		expectNotBeginning(t, election)
		check(t, client.Close())
		<-ctx.Done()
		return nil
	}))
	expectNotLeading(t, election)
}

// What nobody would hear of otherwise is logged; that the term is over is no news.
func TestRunLogsErrorsAfterTheTerm(t *testing.T) {
	for name, end := range map[string]func(election *elect.Election, term elect.Term, cancel func()){
		"Resign":  func(_ *elect.Election, term elect.Term, _ func()) { _ = term.Resign(0) },
		"Stop":    func(election *elect.Election, _ elect.Term, _ func()) { _ = election.Stop() },
		"context": func(_ *elect.Election, _ elect.Term, cancel func()) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			records := newStory()
			client := open(t, &elect.Config{Store: "memory:", LogLevel: "off", Logger: tellingLogger(records)})
			for _, answer := range []func(context.Context) error{
				context.Cause,
				func(context.Context) error { return elect.ErrNotLeader },
				func(context.Context) error { return context.Canceled },
				func(context.Context) error { return nil },
				func(context.Context) error { return errWork },
			} {
				election := candidate(t, client, "job")
				ctx, cancel := context.WithTimeoutCause(context.Background(), hang, errors.New("too long"))
				terms := 0
				_ = election.Run(ctx, func(work context.Context, term elect.Term) error {
					if terms++; terms == 2 {
						return nil
					}
					end(election, term, cancel)
					<-work.Done()
					return answer(work)
				})
				cancel()
			}
			record := receive(t, "a record", records)
			for _, text := range []string{"level=WARN", "election=job", "epoch=", `error="the work failed"`} {
				if !strings.Contains(record, text) {
					t.Errorf("%q does not say %q", record, text)
				}
			}
			closeNow(t, client)
			records.end(t)
		})
	}
}

// A term ends with the context, though the election hears of that later.
func TestTermEndsWithItsContext(t *testing.T) {
	client := open(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	expect(t, "Run", candidate(t, client, "job").Run(ctx, func(_ context.Context, term elect.Term) error {
		check(t, term.Check())
		cancel()
		expect(t, "Check", term.Check(), error(elect.ErrNotLeader))
		return nil
	}), context.Canceled)
}

// As somebody's test of a function for Run has it.
func TestTermOfNoElection(t *testing.T) {
	term := elect.Term{Epoch: 7}
	expect(t, "Check", term.Check(), error(elect.ErrNotLeader))
	expect(t, "LeaseRemaining", term.LeaseRemaining(), 0)
	expect(t, "Resign", term.Resign(0), error(elect.ErrNotLeader))
}

func expectNotBeginning(t *testing.T, election *elect.Election) {
	t.Helper()
	expect(t, "IsLeader", election.IsLeader(), false)
	expect(t, "Check", election.Check(context.Background()), error(elect.ErrNotLeader))
}

func panicsInItsWork(context.Context, elect.Term) error { panic("of the work") }

func TestRunPanicsOnAfterTheRelease(t *testing.T) {
	noLeaks(t)
	client := open(t, nil)
	owned, err := elect.New(&elect.Config{Store: "memory:", Name: "job", LogLevel: "off"})
	check(t, err)
	for _, election := range []*elect.Election{candidate(t, client, "job"), owned} {
		func() {
			defer func() {
				expect(t, "the panic", recover(), any("of the work"))
				if stack := string(debug.Stack()); !strings.Contains(stack, "panicsInItsWork") {
					t.Error("the stack is another: ", stack)
				}
				expectNotLeading(t, election)
			}()
			t.Error("returned:", election.Run(context.Background(), panicsInItsWork))
		}()
	}
	lead(t, candidate(t, client, "job"))
}

func TestRunWhoseGoroutineEnds(t *testing.T) {
	client := open(t, nil)
	election := candidate(t, client, "job")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { expect(t, "a panic", recover(), nil) }()
		t.Error("returned:", election.Run(context.Background(), func(context.Context, elect.Term) error {
			runtime.Goexit()
			return nil
		}))
	}()
	receive(t, "the goroutine's end", ended)
	expectNotLeading(t, election)
	lead(t, candidate(t, client, "job"))
}

func TestRunAfterStopAndWithAnEndedContext(t *testing.T) {
	client := open(t, nil)
	never := func(context.Context, elect.Term) error { t.Error("works"); return nil }
	election := candidate(t, client, "job")
	stop(t, election)
	expect(t, "Run", election.Run(context.Background(), never), error(elect.ErrClosed))
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	expect(t, "Run", candidate(t, client, "job").Run(ended, never), context.Canceled)
	expect(t, "Start", candidate(t, client, "job").Start(ended), context.Canceled)
}
