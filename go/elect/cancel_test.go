//go:build linux

package elect_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"runtime"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
)

// drives are the ways to stand until a context ends; working says that leading has begun.
var drives = map[string]func(ctx context.Context, election *elect.Election, working func()) error{
	"Start": func(ctx context.Context, election *elect.Election, working func()) error {
		election.OnBecomeLeader(working)
		return election.Start(ctx)
	},
	"Run": func(ctx context.Context, election *elect.Election, working func()) error {
		return election.Run(ctx, func(ctx context.Context, _ elect.Term) error {
			working()
			<-ctx.Done()
			return errWork
		})
	},
	"Run, whose work ends": func(ctx context.Context, election *elect.Election, working func()) error {
		err := election.Run(ctx, func(context.Context, elect.Term) error {
			working()
			return nil
		})
		if err == nil { // it was faster than the context
			err = context.Cause(ctx)
		}
		return err
	},
}

// Whenever the context ends: its cause is returned, nobody leads then, the next candidate leads at once, and no goroutine
// is left.
func TestContextCancelledAtEachMoment(t *testing.T) {
	cause := errors.New("the end")
	for name, drive := range drives {
		t.Run(name, func(t *testing.T) {
			client := open(t, nil)
			for i := 0; i < times(60); i++ {
				election := candidate(t, client, fmt.Sprint("job", i))
				ctx, cancel := context.WithCancelCause(context.Background())
				chance := time.AfterFunc(time.Duration(rand.Intn(600))*time.Microsecond, func() { cancel(cause) })
				err := drive(ctx, election, func() {
					if i%3 == 0 {
						cancel(cause)
					}
				})
				chance.Stop()
				expect(t, "the error", err == cause || err == nil && context.Cause(ctx) == nil, true)
				expectNotLeading(t, election)
				lead(t, candidate(t, client, fmt.Sprint("job", i)))
			}
		})
	}
}

// As above, but at moments that have a name.
func TestContextCancelledAtEachEvent(t *testing.T) {
	cause := errors.New("the end")
	for _, moment := range []string{
		"before Begin", "after Begin", "in OnBecomeLeader", "in the work", "while draining", "in OnLoseLeadership", "after Stop",
	} {
		t.Run(moment, func(t *testing.T) {
			client := open(t, nil)
			election := candidate(t, client, "job")
			ctx, cancel := context.WithCancelCause(context.Background())
			happened := newStory()
			at := func(event string) {
				if event == moment {
					cancel(cause)
				}
				happened.tell("%s", event)
			}
			election.OnBecomeLeader(func() { at("in OnBecomeLeader") })
			election.OnLoseLeadership(func() { at("in OnLoseLeadership") })
			at("before Begin")
			rival, err := client.New(&elect.Config{Name: "job", InstanceID: "rival"})
			check(t, err)
			if moment == "after Begin" { // and before it leads
				lead(t, rival)
			}
			ran := run(ctx, election, func(ctx context.Context, term elect.Term) error {
				at("in the work")
				expect(t, "Check, once the context ended", term.Check() != nil, ctx.Err() != nil)
				happened.tell("looked") // Stop ends the leading first, and then the context
				if moment == "while draining" || moment == "in OnLoseLeadership" {
					_ = term.Resign(0)
				}
				<-ctx.Done()
				at("while draining")
				return nil
			})
			if moment == "after Begin" {
				for !elect.Begun(election) {
					runtime.Gosched()
				}
				at(moment)
			}
			if moment == "after Stop" {
				for event := ""; event != "looked"; event = receive(t, "the work", happened) {
				}
				stop(t, election)
				at(moment)
			}
			err = receive(t, "Run", ran) // nil when it returned before the context ended
			expect(t, "Run's error", err == cause || err == nil && moment == "after Stop", true)
			expectNotLeading(t, election)
			stop(t, rival)
			lead(t, candidate(t, client, "job"))
			expect(t, "the context", context.Cause(ctx), cause)
		})
	}
}

// Calls that wait end with their contexts, and by Close.
func TestWaitsEnd(t *testing.T) {
	client := open(t, nil)
	leader := candidate(t, client, "job")
	lead(t, leader)
	waiter, err := client.New(&elect.Config{Name: "job", InstanceID: "waiter"})
	check(t, err)
	check(t, waiter.Begin(context.Background()))
	ctx, cancel := context.WithCancelCause(context.Background())
	waits := make(chan error)
	go func() { waits <- waiter.WaitElected(ctx) }()
	cancel(errWork)
	expect(t, "WaitElected", receive(t, "WaitElected", waits), errWork)
	_, err = client.Report(ctx, "store")
	expect(t, "Report", err, errWork)
	expect(t, "Depose", waiter.Depose(ctx, 0), errWork)
	past, cancelPast := context.WithDeadline(context.Background(), time.Now().Add(-time.Hour))
	defer cancelPast()
	_, err = waiter.Report(past, "status")
	expect(t, "Report", err, context.DeadlineExceeded)
	go func() { waits <- waiter.WaitElected(context.Background()) }()
	closeNow(t, client)
	expect(t, "WaitElected", receive(t, "WaitElected", waits), error(elect.ErrClosed))
}

// A request that the store does not answer ends with its context, and what waits for it in C ends by Close.
func TestRequestsEndByClose(t *testing.T) {
	store := newShelf()
	held := make(chan struct{})
	defer close(held)
	store.goWrong(func(context.Context, bool) error { <-held; return errWork })
	client := openCustom(t, store)
	ctx, cancel := context.WithCancel(context.Background())
	asked := make(chan error)
	go func() {
		_, err := candidate(t, client, "job").Report(ctx, "status")
		asked <- err
	}()
	runtime.Gosched()
	cancel()
	expect(t, "Report", receive(t, "Report", asked), context.Canceled)
	closeNow(t, client)
}

// However many requests nobody waits for any more, few are under way.
func TestRequestsAreBounded(t *testing.T) {
	election := candidate(t, openHung(t, endless), "job")
	ctx, cancel := context.WithCancel(context.Background())
	const many = 100
	asked := make(chan error, many)
	for i := 0; i < many; i++ {
		go func() {
			_, err := election.Report(ctx, "status")
			asked <- err
		}()
	}
	await(t, "asks", func() bool { return inC("Election_report") > 0 })
	cancel()
	for i := 0; i < many; i++ {
		expect(t, "Report", receive(t, "Report", asked), context.Canceled)
	}
	if left := inC("Election_report"); left > elect.CallsAtOnce {
		t.Error(left, "threads wait for the store")
	}
}

// An election that waits, or leads, has no goroutine.
func TestAThousandElections(t *testing.T) {
	const elections = 1000
	noLeaks(t)
	before := runtime.NumGoroutine()
	client, err := elect.Open(&elect.Config{Store: "memory:", Logger: quiet(), LogLevel: "off"})
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	all := make([]*elect.Election, elections)
	begun, lost := make(chan struct{}, elections), make(chan struct{}, elections)
	for i := range all {
		all[i] = candidate(t, client, fmt.Sprint("job", i))
		all[i].OnBecomeLeader(func() { begun <- struct{}{} })
		all[i].OnLoseLeadership(func() { lost <- struct{}{} })
		check(t, all[i].Begin(ctx))
	}
	for _, election := range all {
		waitElected(t, election)
		receive(t, "a beginning", begun)
	}
	for deadline := time.Now().Add(hang); runtime.NumGoroutine() > before+10; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines for %d elections", runtime.NumGoroutine()-before, elections)
		}
	}
	cancel()
	for range all {
		receive(t, "a loss", lost)
	}
	for _, election := range all {
		stop(t, election)
	}
	closeNow(t, client)
}

func TestTwoClientsOfOneStore(t *testing.T) {
	config := elect.Config{Store: "local:" + t.TempDir(), LockTTL: endless}
	one, two := config, config
	clients := []*elect.Client{open(t, &one), open(t, &two)}
	leader := candidate(t, clients[0], "job")
	lead(t, leader)
	for i := 0; i < 4; i++ {
		epoch := leader.Epoch()
		next := candidate(t, clients[(i+1)%2], "job")
		check(t, next.Begin(context.Background()))
		expect(t, "two leaders", next.IsLeader(), false)
		stop(t, leader)
		waitElected(t, next)
		if next.Epoch() <= epoch {
			t.Error("epochs fall:", epoch, next.Epoch())
		}
		leader = next
	}
	last := candidate(t, clients[1], "job")
	check(t, last.Begin(context.Background()))
	closeNow(t, clients[0])
	waitElected(t, last)
}
