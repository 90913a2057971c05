package elect_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
)

func TestRunLeadsUntilItsFunctionIsDone(t *testing.T) {
	election, err := elect.New(&elect.Config{Store: "memory:", Name: "job", LockTTL: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	err = election.Run(context.Background(), func(ctx context.Context, term elect.Term) error {
		if !election.IsLeader() || term.Check() != nil || term.Epoch == 0 || election.Epoch() != term.Epoch {
			t.Error("not the leader")
		}
		info, err := election.GetLeaderInfo()
		if err != nil || info.InstanceID != election.GetInstanceID() {
			t.Error(info, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if election.IsLeader() || !errors.Is(election.Check(nil), elect.ErrNotLeader) {
		t.Error("leads after its end")
	}
}

func TestStartAndStop(t *testing.T) {
	election, err := elect.New(&elect.Config{Store: "memory:", Name: "job", LockTTL: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	order := make(chan string, 10)
	election.OnBecomeLeader(func() {
		election.OnBecomeLeader(func() { order <- "late" })
		order <- "become"
	})
	election.OnLoseLeadership(func() { order <- "lose" })
	ended := make(chan error)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- election.Start(ctx) }()
	if err := election.WaitElected(ctx); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"become", "late"} {
		if got := <-order; got != want {
			t.Error(got, want)
		}
	}
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Error(err)
	}
	if got := <-order; got != "lose" {
		t.Error(got)
	}
	if err := election.Stop(); err != nil {
		t.Error(err)
	}
}
