//go:build linux

package elect_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/electtest"
)

// readChannels reads them all until done is closed and each promotion's demotion was read, and tells of errors in a row once.
func readChannels(election *elect.Election, done <-chan struct{}) story {
	story := newStory()
	promoted, demoted, errored := election.Channels()
	go func() {
		end := done
		for last := ""; ; {
			next := ""
			select {
			case <-promoted:
				next, end = "promoted", nil
			case <-demoted:
				next, end = "demoted", done
			case <-errored:
				next = "errored"
			case <-end:
				return
			}
			if next != "errored" || last != next {
				story <- next
			}
			last = next
		}
	}()
	return story
}

func reading(t *testing.T) <-chan struct{} {
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	return done
}

func TestChannelsTellInOrder(t *testing.T) {
	noLeaks(t)
	store, done := electtest.New(t), reading(t)
	election := store.Election(&elect.Config{Name: "job"})
	early := readChannels(election, done)
	check(t, election.Begin(context.Background()))
	store.Advance(0)
	early.expect(t, "promoted")
	late := readChannels(election, done)
	late.expect(t, "promoted")
	for i := 0; i < 3; i++ {
		store.Cut("job")
		store.Advance(10 * time.Second)
		early.expect(t, "demoted", "errored")
		late.expect(t, "demoted", "errored")
		store.Heal("job")
		store.Advance(20 * time.Second)
		early.expect(t, "promoted")
		late.expect(t, "promoted")
	}
	check(t, election.Stop())
	early.expect(t, "demoted")
	late.expect(t, "demoted")
	early.end(t)
	late.end(t)
}

// Whoever reads late hears nothing of terms that are over, and the last error.
func TestChannelsReadLate(t *testing.T) {
	noLeaks(t)
	store := electtest.New(t)
	election := store.Election(&elect.Config{Name: "job"})
	promoted, demoted, errored := election.Channels()
	check(t, election.Begin(context.Background()))
	store.Advance(0)
	at := receive(t, "promoted", promoted)
	for i := 0; i < 50; i++ {
		store.Lose("job")
		store.Advance(20 * time.Second)
	}
	expect(t, "IsLeader", election.IsLeader(), true)
	select {
	case <-promoted:
		t.Error("promoted before it was told of the demotion")
	case end := <-demoted:
		if end.Before(at) {
			t.Error(at, end)
		}
	}
	receive(t, "promoted", promoted) // although nobody reads the errors
	select {
	case err := <-errored:
		t.Error("an error before the promotion that was read:", err)
	default:
	}
	store.Cut("job")
	store.Advance(10 * time.Second)
	receive(t, "demoted", demoted)
	receive(t, "errored", errored)
	store.Heal("job")
	store.Advance(20 * time.Second)
	check(t, election.Stop())
	select {
	case <-promoted:
		t.Error("promoted when all is over")
	case <-demoted:
		t.Error("demoted twice")
	default:
	}
}

func TestChannelsThatNobodyReadsDelayNothing(t *testing.T) {
	noLeaks(t)
	store := electtest.New(t)
	election := store.Election(&elect.Config{Name: "job"})
	_, demoted, _ := election.Channels()
	check(t, election.Begin(context.Background()))
	for i := 0; i < 10; i++ {
		store.Advance(20 * time.Second)
		expect(t, "IsLeader", election.IsLeader(), true)
		store.Lose("job")
	}
	check(t, election.Stop())
	select {
	case <-demoted:
		t.Error("demoted, and was never told that it was promoted")
	default:
	}
}

func TestObserve(t *testing.T) {
	noLeaks(t)
	store := electtest.New(t)
	observer := store.Election(&elect.Config{Name: "job", Role: elect.Observer})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	leaders := observer.Observe(ctx)
	check(t, observer.Begin(context.Background()))
	store.Advance(20 * time.Second)
	expect(t, "nobody", receive(t, "nobody", leaders).Nobody(), true)
	unbegun := store.Election(&elect.Config{Name: "job", InstanceID: "unbegun"})
	_, err := unbegun.GetLeaderInfo()
	expect(t, "GetLeaderInfo before Begin", err, elect.ErrNoLeader)
	one := store.Election(&elect.Config{Name: "job", InstanceID: "one", Address: "here:1", Metadata: "blue", Hostname: "h"})
	check(t, one.Begin(context.Background()))
	store.Advance(20 * time.Second)
	leader := receive(t, "one", leaders)
	if leader.Nobody() || leader.InstanceID != "one" || leader.Address != "here:1" || leader.Metadata != "blue" ||
		leader.Hostname != "h" || leader.Epoch != one.Epoch() || leader.StartedAt.IsZero() {
		t.Errorf("%+v, of epoch %d", leader, one.Epoch())
	}
	id, err := observer.GetLeaderID()
	check(t, err)
	expect(t, "GetLeaderID", id, "one")
	asked, err := unbegun.GetLeaderInfo()
	check(t, err)
	asked.LastHeartbeat = leader.LastHeartbeat // it goes on
	expect(t, "GetLeaderInfo before Begin", *asked, leader)
	for i := 0; i < 5; i++ { // nobody reads
		store.Lose("job")
		store.Advance(20 * time.Second)
	}
	for leader.Epoch != one.Epoch() {
		next := receive(t, "the latest", leaders)
		if !next.Nobody() && next.Epoch <= leader.Epoch {
			t.Error(leader, next)
		}
		if !next.Nobody() {
			leader = next
		}
	}
	check(t, one.Stop())
	store.Advance(20 * time.Second)
	for leader := receive(t, "nobody", leaders); !leader.Nobody(); {
		leader = receive(t, "nobody", leaders)
	}
	id, err = observer.GetLeaderID()
	check(t, err)
	expect(t, "GetLeaderID", id, "")
	_, err = observer.GetLeaderInfo()
	expect(t, "GetLeaderInfo", err, elect.ErrNoLeader)
	expect(t, "IsLeader", observer.IsLeader(), false)
	cancel()
	if _, open := <-leaders; open {
		t.Error("ctx ended, and Observe's channel goes on")
	}
	leaders = observer.Observe(context.Background())
	check(t, observer.Stop())
	for range leaders {
	}
}

// Everything at once, while elections come and go; what it shows, the race detector and noLeaks say.
func TestCloseUnderEvents(t *testing.T) {
	for i := 0; i < times(10); i++ {
		noLeaks(t)
		client, err := elect.Open(&elect.Config{Store: "memory:", LockTTL: time.Second, Logger: quiet()})
		check(t, err)
		var users sync.WaitGroup
		for j := 0; j < 4; j++ {
			election := candidate(t, client, string(rune('a'+j)))
			election.OnBecomeLeader(func() { _ = election.Resign(0) })
			readChannels(election, clientEnd(election))
			check(t, election.Begin(context.Background()))
			users.Add(1)
			go func() {
				defer users.Done()
				for range election.Observe(context.Background()) {
					_, _ = election.GetLeaderInfo()
					_, _ = election.Report(context.Background(), "status")
				}
			}()
			waitElected(t, election)
		}
		closeNow(t, client)
		users.Wait()
	}
}

// clientEnd is closed when the election has ended.
func clientEnd(election *elect.Election) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range election.Observe(context.Background()) {
		}
	}()
	return ended
}
