//go:build linux

package elect_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/libelect/libelect/go/elect"
)

func TestCallbacksAreOrdered(t *testing.T) {
	client := open(t, nil)
	election := candidate(t, client, "job")
	story := newStory()
	election.OnBecomeLeader(func() {
		story.tell("one begins")
		election.OnBecomeLeader(func() { story.tell("three begins") })
	})
	election.OnBecomeLeader(func() { story.tell("two begins, leading: %v", election.IsLeader()) })
	election.OnLoseLeadership(func() { story.tell("one ends, leading: %v", election.IsLeader()) })
	lead(t, election)
	story.expect(t, "one begins", "two begins, leading: true", "three begins")
	election.OnBecomeLeader(func() { story.tell("four begins") })
	election.OnLoseLeadership(func() { story.tell("two ends") })
	story.expect(t, "four begins")
	stop(t, election)
	story.expect(t, "one ends, leading: false", "two ends")
	election.OnBecomeLeader(func() { story.tell("begins after the end") })
	closeNow(t, client)
	story.end(t)
}

// Terms are told in full, one after the other: the next one cannot begin before the callbacks of this one's end returned.
func TestEachTermIsToldAndHeld(t *testing.T) {
	client := open(t, nil)
	election := candidate(t, client, "job")
	story := newStory()
	held := make(chan struct{})
	election.OnBecomeLeader(func() { story.tell("begins") })
	election.OnLoseLeadership(func() {
		story.tell("ends")
		<-held
	})
	lead(t, election)
	story.expect(t, "begins")
	check(t, election.Resign(0))
	story.expect(t, "ends")
	if election.LeaseRemaining() <= 0 {
		t.Error("released before the callback returned")
	}
	held <- struct{}{}
	waitElected(t, election)
	story.expect(t, "begins")
	close(held)
	stop(t, election)
	story.expect(t, "ends")
	story.end(t)
}

// What is told of a term is told in pairs, and of none that was over before its beginning could be told.
func TestATermThatIsOverBeforeItWasToldIsNot(t *testing.T) {
	client := open(t, nil)
	election := candidate(t, client, "job")
	story := newStory()
	election.OnBecomeLeader(func() { story.tell("begins") })
	election.OnLoseLeadership(func() { story.tell("ends") })
	release := elect.Occupy(election)
	lead(t, election)
	check(t, election.Resign(0))
	for elect.Leading(election) {
		runtime.Gosched()
	}
	release()
	waitElected(t, election)
	story.expect(t, "begins")
	stop(t, election)
	story.expect(t, "ends")
	story.end(t)
}

// A callback that blocks delays its own election's next call only.
func TestABlockedCallbackDelaysNobodyElse(t *testing.T) {
	client := open(t, nil)
	story, held := newStory(), make(chan struct{})
	blocked := candidate(t, client, "blocked")
	blocked.OnBecomeLeader(func() { <-held })
	blocked.OnBecomeLeader(func() { story.tell("the next") })
	lead(t, blocked)
	other := candidate(t, client, "other")
	other.OnBecomeLeader(func() { story.tell("the other begins") })
	other.OnLoseLeadership(func() { story.tell("the other ends") })
	lead(t, other)
	story.expect(t, "the other begins")
	stop(t, other)
	story.expect(t, "the other ends")
	expect(t, "IsLeader", blocked.IsLeader(), true)
	story.end(t)
	close(held)
	story.expect(t, "the next")
}

func TestACallbackThatNeverReturns(t *testing.T) {
	client := open(t, nil)
	election, err := client.New(&elect.Config{Name: "job", DrainTimeout: elect.None})
	check(t, err)
	held := make(chan struct{})
	t.Cleanup(func() { close(held) })
	election.OnLoseLeadership(func() { <-held })
	lead(t, election)
	check(t, election.Stop())
	expectNotBeginning(t, election)
	closeNow(t, client)
}

func TestPanicsAndGoexitInCallbacks(t *testing.T) {
	records := newStory()
	client := open(t, &elect.Config{Store: "memory:", LogLevel: "off", Logger: tellingLogger(records)})
	election := candidate(t, client, "job")
	story := newStory()
	election.OnBecomeLeader(func() { panic("one") })
	election.OnBecomeLeader(func() { runtime.Goexit() })
	election.OnBecomeLeader(nil)
	election.OnBecomeLeader(func() { story.tell("begins") })
	election.OnLoseLeadership(func() { panic(errors.New("two")) })
	election.OnLoseLeadership(func() { runtime.Goexit() })
	election.OnLoseLeadership(func() { story.tell("ends") })
	lead(t, election)
	for i := 0; i < 3; i++ {
		story.expect(t, "begins")
		for _, text := range []string{"in=OnBecomeLeader election=job panic=one", `in=OnBecomeLeader election=job panic="runtime error`} {
			expectRecord(t, records, text)
		}
		check(t, election.Resign(0))
		story.expect(t, "ends")
		expectRecord(t, records, "in=OnLoseLeadership election=job panic=two")
		waitElected(t, election)
	}
	story.expect(t, "begins") // a term that ends before its beginning was read is not told
	stop(t, election)
	story.expect(t, "ends")
}

func expectRecord(t *testing.T, records story, text string) {
	t.Helper()
	if record := receive(t, text, records); !strings.Contains(record, text) || !strings.Contains(record, "stack=") {
		t.Errorf("the log says %q, want %q", record, text)
	}
}

// Stop and Close from callbacks only ask, whichever callback it is and whoever owns the client.
func TestStopAndCloseFromEachCallback(t *testing.T) {
	type use = func(*elect.Election, func())
	for name, call := range map[string]use{
		"OnBecomeLeader": func(e *elect.Election, ask func()) { e.OnBecomeLeader(ask) },
		"OnLoseLeadership": func(e *elect.Election, ask func()) {
			e.OnLoseLeadership(ask)
			e.OnBecomeLeader(func() { _ = e.Resign(0) }) // until it is stopped
		},
	} {
		for what, ask := range map[string]func(*elect.Election) error{
			"Stop":  (*elect.Election).Stop,
			"Close": func(e *elect.Election) error { return e.Client().Close() },
		} {
			t.Run(what+" in "+name, func(t *testing.T) {
				client := open(t, nil)
				owned, err := elect.New(&elect.Config{Store: "memory:", Name: "job", Logger: quiet()})
				check(t, err)
				for _, election := range []*elect.Election{owned, candidate(t, client, "job")} {
					election, asked := election, make(chan error, 10)
					call(election, func() { asked <- ask(election) })
					check(t, election.Start(context.Background()))
					check(t, receive(t, what, asked))
					stop(t, election)
				}
			})
		}
	}
}
