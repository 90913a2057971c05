//go:build linux

package elect_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
)

var codes = map[elect.Code]string{
	elect.ErrInvalid: "ELECT_EINVAL", elect.ErrNoMemory: "ELECT_ENOMEM", elect.ErrTimeout: "ELECT_ETIMEOUT",
	elect.ErrState: "ELECT_ESTATE", elect.ErrNotLeader: "ELECT_ENOTLEADER", elect.ErrStore: "ELECT_ESTORE",
	elect.ErrUnreachable: "ELECT_EUNREACHABLE", elect.ErrUnknown: "ELECT_EUNKNOWN", elect.ErrForked: "ELECT_EFORKED",
	elect.ErrClosed: "ELECT_ECLOSED", elect.ErrAuth: "ELECT_EAUTH",
}

func TestCodesAreLibelects(t *testing.T) {
	for code, name := range codes {
		expect(t, "the name", elect.CodeName(code), name)
		err := fmt.Errorf("wrapped: %w", &elect.Error{Code: code, Text: "a text"})
		for other := range codes {
			expect(t, "errors.Is", errors.Is(err, other), other == code)
		}
		if !strings.HasPrefix(code.Error(), "elect: ") || len(code.Error()) < 10 {
			t.Errorf("%q says nothing", code.Error())
		}
	}
	expect(t, "the number of codes", int(-elect.CodesEnd()-1), len(codes))
}

func TestErrorsThatAreNoCodes(t *testing.T) {
	expect(t, "ErrUnsupported", errors.Is(elect.ErrUnsupported, errors.ErrUnsupported), true)
	lost := fmt.Errorf("wrapped: %w", &elect.LostError{Epoch: 7, Reason: elect.ReasonTaken})
	expect(t, "LostError", errors.Is(lost, elect.ErrNotLeader), true)
	expect(t, "LostError", errors.Is(lost, elect.ErrState), false)
	expect(t, "its text", lost.Error(), "wrapped: elect: no longer leader of epoch 7: taken")
	for reason := elect.ReasonStopped; reason <= elect.ReasonDeleted; reason++ {
		if reason.String() == "" || reason.String() == elect.Reason(1000).String() {
			t.Errorf("reason %d has no name", reason)
		}
	}
}

func TestErrorsOfCallsAtTheWrongTime(t *testing.T) {
	client := open(t, nil)
	election := candidate(t, client, "job")
	expect(t, "Resign before Begin", election.Resign(0), error(elect.ErrNotLeader))
	lead(t, election)
	expect(t, "a second Begin", election.Begin(context.Background()), error(elect.ErrState))
	expect(t, "a second Start", election.Start(context.Background()), error(elect.ErrState))
	expect(t, "Run after Begin", election.Run(context.Background(), nil), error(elect.ErrState))
	expect(t, "Forget of one that is led", client.Forget(context.Background(), "job"), error(elect.ErrState))
	expectInvalid(t, client.Forget(context.Background(), "jo\x00b"), "name", `"jo\x00b"`, "zero byte")
	expectInvalid(t, client.Forget(context.Background(), ""), "name", `""`, "1 to 200 bytes")
	expectInvalid(t, election.Resign(-time.Second), "backoff", "-1s", "negative")
	_, err := client.Report(context.Background(), "nothing")
	expectInvalid(t, err, "what", "nothing", "metrics, store")
	_, err = election.Report(context.Background(), "nothing")
	expectInvalid(t, err, "what", "nothing", "status or history")
	_, err = client.New(&elect.Config{Name: "job"})
	expectInvalid(t, err)
	expectInvalid(t, client.Update(&elect.Config{Prefix: "other"}))
	expectInvalid(t, election.Update(&elect.Config{Name: "other"}))
	check(t, election.Update(&elect.Config{Address: "here:1"}))
	stop(t, election)
	expect(t, "Begin after Stop", election.Begin(context.Background()), error(elect.ErrState))
	stopped := candidate(t, client, "stopped")
	stop(t, stopped)
	expect(t, "Start after Stop", stopped.Start(context.Background()), error(elect.ErrClosed))
	expect(t, "WaitElected after Stop", stopped.WaitElected(context.Background()), error(elect.ErrClosed))
	unused := candidate(t, client, "unused")
	closeNow(t, client)
	expect(t, "Begin after Close", unused.Begin(context.Background()), error(elect.ErrClosed))
	expect(t, "Stop after Close", unused.Stop(), nil)
	_, err = client.New(&elect.Config{Name: "late"})
	expect(t, "New after Close", errors.Is(err, elect.ErrClosed), true)
	_, err = client.Report(context.Background(), "store")
	expect(t, "Report after Close", err, error(elect.ErrClosed))
	closeNow(t, client)
}

// expectInvalid expects ErrInvalid that says these texts: option, value, rule.
func expectInvalid(t *testing.T, err error, texts ...string) {
	t.Helper()
	if !errors.Is(err, elect.ErrInvalid) {
		t.Errorf("%v is not ErrInvalid", err)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not say %q", err, text)
		}
	}
}

// What never comes is not waited for, and nothing was begun. The role may be the election's, the client's, or in the URL.
func TestWaitingToLeadAsAnObserver(t *testing.T) {
	for _, config := range []struct{ client, election elect.Config }{
		{elect.Config{Store: "memory:"}, elect.Config{Role: elect.Observer}},
		{elect.Config{Store: "memory:", Role: elect.Observer}, elect.Config{}},
		{elect.Config{Store: "memory:?role=observer"}, elect.Config{}},
	} {
		client := open(t, &config.client)
		config.election.Name = "job"
		observer, err := client.New(&config.election)
		check(t, err)
		for what, err := range map[string]error{
			"Run":         receive(t, "Run", run(context.Background(), observer, panicsInItsWork)),
			"WaitElected": observer.WaitElected(context.Background()),
		} {
			if !errors.Is(err, elect.ErrState) || !strings.Contains(err.Error(), "role=observer") {
				t.Errorf("%s: %v", what, err)
			}
		}
		expect(t, "has begun", elect.Begun(observer), false)
		check(t, observer.Begin(context.Background()))
		stop(t, observer)
	}
	candidate := candidate(t, open(t, &elect.Config{Store: "memory:?role=observer", Role: elect.Candidate}), "job")
	lead(t, candidate)
}
