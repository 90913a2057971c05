//go:build linux

package elect_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/internal/redistest"
)

func TestRedisElects(t *testing.T) {
	server := redistest.Start(t)
	one, two := openRedis(t, server), openRedis(t, server)
	first, second := candidate(t, one, "job"), candidate(t, two, "job")
	lead(t, first)
	check(t, second.Begin(context.Background()))
	epoch := first.Epoch()
	leader := receive(t, "a leader", second.Observe(context.Background()))
	expect(t, "the leader", leader.InstanceID, first.GetInstanceID())
	expect(t, "two leaders", second.IsLeader(), false)
	report, err := second.Report(context.Background(), "status")
	check(t, err)
	if !strings.Contains(string(report), strconv.FormatUint(epoch, 10)) {
		t.Errorf("%s, of epoch %d", report, epoch)
	}
	check(t, second.Depose(context.Background(), epoch))
	waitElected(t, second)
	if second.Epoch() <= epoch {
		t.Error("epochs fall:", epoch, second.Epoch())
	}
}

func openRedis(t *testing.T, server *redistest.Server) *elect.Client {
	t.Helper()
	return open(t, &elect.Config{Store: server.URL(), LockTTL: unhurried, RestartGrace: elect.None, LogLevel: "off"})
}

// Whoever leads is killed, and the next one leads with a higher epoch.
func TestRedisFailOver(t *testing.T) {
	server := redistest.Start(t)
	client := openRedis(t, server)
	var last uint64
	rises := func(epoch uint64) {
		if epoch <= last {
			t.Error("epochs fall:", last, epoch)
		}
		last = epoch
	}
	for i := 0; i < min(times(2), 20); i++ {
		process := start(t, "run", server.URL())
		line := receive(t, "the process leads", process.lines)
		epoch, err := strconv.ParseUint(strings.TrimPrefix(line, "leads "), 10, 64)
		check(t, err)
		rises(epoch)
		next := candidate(t, client, "job")
		check(t, next.Begin(context.Background()))
		expect(t, "two leaders", next.IsLeader(), false)
		process.kill()
		waitElected(t, next)
		rises(next.Epoch())
		stop(t, next)
	}
}

func TestRedisPasswordUpdate(t *testing.T) {
	server := redistest.Start(t, "--requirepass", "old secret")
	client := openRedis(t, server)
	election := candidate(t, client, "job")
	_, _, errored := election.Channels()
	check(t, election.Begin(context.Background()))
	err := receive(t, "an error", errored)
	if !errors.Is(err, elect.ErrAuth) || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	expect(t, "IsLeader", election.IsLeader(), false)
	check(t, client.Update(&elect.Config{Password: "old secret"}))
	waitElected(t, election)
}
