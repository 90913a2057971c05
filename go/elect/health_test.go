//go:build linux

package elect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/internal/redistest"
)

// openHung is a client of a store that answers nothing until the test ends.
func openHung(t *testing.T, ttl time.Duration) *elect.Client {
	t.Helper()
	store, held := newShelf(), make(chan struct{})
	store.goWrong(func(context.Context, bool) error { <-held; return errWork })
	client := open(t, &elect.Config{CustomStore: store, LockTTL: ttl, LogLevel: "off"})
	t.Cleanup(func() { close(held) })
	return client
}

// inC is how many goroutines, and so threads, are in this function of C.
func inC(function string) (many int) {
	for _, stack := range ourGoroutines() {
		if strings.Contains(stack, "celect."+function+"(") {
			many++
		}
	}
	return many
}

func probe(ctx context.Context, health http.Handler) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	health.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/health", nil).WithContext(ctx))
	return answer
}

func TestHealth(t *testing.T) {
	client := open(t, nil)
	election := candidate(t, client, "job")
	health := elect.HealthHandler(election)
	check(t, election.Begin(context.Background()))
	waitElected(t, election)
	answer := probe(context.Background(), health)
	expect(t, "the status", answer.Code, http.StatusOK)
	var says struct {
		IsLeader   bool             `json:"is_leader"`
		InstanceID string           `json:"instance_id"`
		LeaderInfo elect.LeaderInfo `json:"leader_info"`
	}
	check(t, json.Unmarshal(answer.Body.Bytes(), &says))
	expect(t, "is_leader", says.IsLeader, true)
	expect(t, "instance_id", says.InstanceID, election.GetInstanceID())
	expect(t, "its epoch", says.LeaderInfo.Epoch, election.Epoch())
	stop(t, election)
	answer = probe(context.Background(), health)
	expect(t, "the status once it was stopped", answer.Code, http.StatusInternalServerError)
	answer = probe(context.Background(), elect.HealthHandler(candidate(t, client, "of nobody")))
	expect(t, "the status when nobody leads", answer.Code, http.StatusInternalServerError)
	if !strings.Contains(answer.Body.String(), "nobody leads") {
		t.Error(answer.Body)
	}
}

// However many probes ask of a store that hangs, one thread waits for it, and no probe for longer than it wants.
func TestHealthOfAStoreThatHangs(t *testing.T) {
	for _, begun := range []bool{false, true} {
		election := candidate(t, openHung(t, endless), "job")
		if begun {
			check(t, election.Begin(context.Background()))
		}
		function := map[bool]string{false: "Election_report", true: "Election_leader"}[begun]
		ctx, cancel := context.WithCancel(context.Background())
		const many = 100
		codes := make(chan int, many)
		for i := 0; i < many; i++ {
			go func() { codes <- probe(ctx, elect.HealthHandler(election)).Code }()
		}
		await(t, "asks", func() bool { return inC(function) > 0 })
		cancel()
		for i := 0; i < many; i++ {
			expect(t, "the status", receive(t, "a probe", codes), http.StatusInternalServerError)
		}
		if text := probe(ctx, elect.HealthHandler(election)).Body.String(); !strings.Contains(text, "context canceled") {
			t.Error(text)
		}
		if waiting := inC(function); waiting > 1 {
			t.Error(waiting, "threads wait for the store")
		}
		closeNow(t, election.Client())
	}
}

// However many elections are asked for, few threads of a client wait for its store, and none for longer than one alone.
func TestWhoLeadsInManyElectionsOfAStoreThatHangs(t *testing.T) {
	client := openHung(t, faultTTL)
	const many = 10 * elect.CallsAtOnce
	errs := make(chan error, many)
	for i := 0; i < many; i++ {
		election := candidate(t, client, fmt.Sprint("job", i))
		go func() { errs <- second(election.GetLeaderInfo()) }()
	}
	for answered := 0; answered < many; {
		if waiting := inC("Election_report"); waiting > elect.CallsAtOnce {
			t.Fatal(waiting, "threads wait for the store")
		}
		select {
		case err := <-errs:
			expect(t, "GetLeaderInfo", err, error(elect.ErrTimeout))
			answered++
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestWhoLeadsInAStoreThatHangs(t *testing.T) {
	election := candidate(t, openHung(t, faultTTL), "job")
	_, err := election.GetLeaderInfo()
	expect(t, "GetLeaderInfo before Begin", err, error(elect.ErrTimeout))
	check(t, election.Begin(context.Background()))
	_, err = election.GetLeaderID()
	expect(t, "GetLeaderID", err, error(elect.ErrTimeout))
}

// A value that names its holder alone says nothing of times.
func TestLeaderWithoutTimes(t *testing.T) {
	server := redistest.Start(t)
	server.Do("SET", "the lock", "somebody", "PX", "600000")
	client := open(t, &elect.Config{
		Store: server.URL(), Layout: elect.LayoutPlain, LockKey: "the lock", Role: elect.Observer, LogLevel: "off",
	})
	election := candidate(t, client, "job")
	for _, when := range []string{"before Begin", "after Begin"} {
		info, err := election.GetLeaderInfo()
		check(t, err)
		expect(t, when, info.InstanceID, "somebody")
		expect(t, when, info.StartedAt, time.Time{})
		if when == "before Begin" {
			check(t, election.Begin(context.Background()))
		}
	}
}
