//go:build linux

package celect

import (
	"fmt"
	"strings"
	"testing"
)

func success(t *testing.T, code int32, what string) {
	t.Helper()
	if code != ELECT_OK {
		t.Fatalf("%s: %s", what, Code_name(code))
	}
}

func expect(t *testing.T, ok bool, what string, got ...any) {
	t.Helper()
	if !ok {
		t.Fatal(append([]any{what, ": "}, got...)...)
	}
}

func options(t *testing.T, pairs ...string) Elect_options {
	t.Helper()
	made := Options_new()
	t.Cleanup(func() { Options_free(made) })
	for i := 0; i < len(pairs); i += 2 {
		success(t, Options_set(made, pairs[i], pairs[i+1]), pairs[i])
	}
	return made
}

// What -tags libelect_system links is of this version too.
func TestVersion(t *testing.T) {
	number := int(Version_number())
	expect(t, number == ELECT_VERSION_NUMBER, "the number", number)
	expect(t, Version() == fmt.Sprintf("%d.%d.%d", number/10000, number/100%100, number%100), "the text", Version())
}

func TestErrors(t *testing.T) {
	given := options(t, "lock_ttl", "2s")
	expect(t, Options_set(given, "lock_ttl", "10") == ELECT_EINVAL, "a bare number is refused")
	expect(t, strings.Contains(Options_error(given), "lock_ttl"), "its error names the option", Options_error(given))
	expect(t, Options_get(given, "lock_ttl") == "2s", "options stay as they were", Options_get(given, "lock_ttl"))
	var at uintptr
	expect(t, Client_open(given, &at) == ELECT_EINVAL && at == 0, "no store, no client", at)
	expect(t, strings.Contains(Options_error(given), "store"), "its error names the store", Options_error(given))
	expect(t, Code_name(-1) == "ELECT_EINVAL", "-1 stays -1", Code_name(-1))
}

// pump reads the queue until it ends: it tells the epoch of ELECTED at once, and answers the kinds of all events, in order,
// without LEADER_CHANGED.
func pump(client Elect_client, elected chan<- uint64) (kinds []int32) {
	var at uintptr
	for Client_next_event(client, -1, &at) == ELECT_OK {
		event := SwigcptrElect_event(at)
		if kind := Event_kind(event); kind != ELECT_EVENT_LEADER_CHANGED && Event_tag(event) == 7 {
			kinds = append(kinds, kind)
		}
		if Event_kind(event) == ELECT_EVENT_ELECTED {
			elected <- Event_epoch(event)
		}
		Event_free(event)
	}
	return kinds
}

func lead(t *testing.T, election Elect_election) uint64 {
	var at uintptr
	var epoch uint64
	var lease int64
	success(t, Election_start(election), "start")
	success(t, Election_wait(election, 60000), "wait")
	expect(t, Election_is_leader(election) == 1, "is_leader")
	expect(t, Election_check(election, &epoch, &lease) == 1 && epoch > 0, "check", epoch)
	expect(t, lease > 0 && lease <= 2000, "lease", lease)
	success(t, Election_leader(election, -1, 60000, &at), "leader")
	leader := SwigcptrElect_leader(at)
	expect(t, Leader_instance_id(leader) == "go-1", "instance_id", Leader_instance_id(leader))
	expect(t, Leader_address(leader) == "here:1" && Leader_epoch(leader) == epoch, "leader", Leader_address(leader))
	Leader_free(leader)
	success(t, Election_report(election, "status", 60000, &at), "report")
	expect(t, strings.Contains(String_at(at), fmt.Sprint(epoch)), "the report's epoch", String_at(at))
	String_free(at)
	return epoch
}

func elects(t *testing.T, store string) {
	given := options(t, "store", store, "lock_ttl", "2s")
	own := options(t, "name", "celect", "instance_id", "go-1", "address", "here:1")
	var at uintptr
	success(t, Client_open(given, &at), "open")
	client := SwigcptrElect_client(at)
	success(t, Election_new(client, own, &at), "new")
	election := SwigcptrElect_election(at)
	success(t, Election_queue_events(election, 7), "queue_events")
	elected, events := make(chan uint64, 1), make(chan []int32, 1)
	go func() { events <- pump(client, elected) }()

	epoch := lead(t, election)
	// Stopped before it was read, an ELECTED would never be told.
	told := <-elected
	expect(t, told == epoch, "the epoch", told, " and ", epoch)
	success(t, Election_stop(election), "stop")
	expect(t, Election_is_leader(election) == 0, "no leader after stop")
	success(t, Election_join(election, 60000), "join")
	success(t, Client_close(client, 60000), "close")
	kinds := <-events
	wanted := []int32{ELECT_EVENT_ELECTED, ELECT_EVENT_LOST, ELECT_EVENT_CLOSED}
	expect(t, fmt.Sprint(kinds) == fmt.Sprint(wanted), "the order of events", kinds)
	Election_free(election)
	Client_free(client)
}

func TestElects(t *testing.T) {
	t.Run("memory", func(t *testing.T) { elects(t, "memory:") })
	t.Run("local", func(t *testing.T) { elects(t, "local:"+t.TempDir()) })
}
