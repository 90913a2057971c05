//go:build linux

package elect_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
)

// What is closed and dropped is the collector's, C memory with it: a client's queue has a descriptor until the client and all
// its elections are freed.
func TestClosedClientsAreFreed(t *testing.T) {
	noLeaks(t)
	before := eventDescriptors(t)
	for i := 0; i < 5; i++ {
		useAndDrop(t)
	}
	if eventDescriptors(t) == before {
		t.Error("this shows nothing")
	}
	for deadline := time.Now().Add(hang); eventDescriptors(t) > before; time.Sleep(time.Millisecond) {
		runtime.GC()
		if time.Now().After(deadline) {
			t.Fatalf("%d descriptors are left", eventDescriptors(t)-before)
		}
	}
}

func useAndDrop(t *testing.T) {
	client, err := elect.Open(&elect.Config{Store: "memory:", Logger: quiet()})
	check(t, err)
	election := candidate(t, client, "job")
	election.OnBecomeLeader(func() { _ = election.Epoch() }) // a circle
	lead(t, election)
	unused, stopped := candidate(t, client, "unused"), candidate(t, client, "stopped")
	check(t, stopped.Stop())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	check(t, candidate(t, client, "begun").Begin(ctx))
	closeNow(t, client)
	expect(t, "Begin", unused.Begin(ctx), error(elect.ErrClosed))
}

func eventDescriptors(t *testing.T) (count int) {
	t.Helper()
	descriptors, err := filepath.Glob("/proc/self/fd/*")
	check(t, err)
	for _, descriptor := range descriptors {
		if target, err := os.Readlink(descriptor); err == nil && target == "anon_inode:[eventfd]" {
			count++
		}
	}
	return count
}

// An election that nobody refers to goes on as long as its client is open.
func TestADroppedElectionGoesOn(t *testing.T) {
	client := open(t, nil)
	begun, lost := make(chan struct{}), make(chan struct{})
	func() {
		election := candidate(t, client, "job")
		election.OnLoseLeadership(func() { close(lost) })
		election.OnBecomeLeader(func() { close(begun) })
		lead(t, election)
		receive(t, "the beginning", begun)
	}()
	for i := 0; i < 3; i++ {
		runtime.GC()
	}
	select {
	case <-lost:
		t.Error("lost")
	default:
	}
	closeNow(t, client)
	receive(t, "the loss", lost)
}
