// Elects on memory: and local: through SWIG's package, as a Go program would: one goroutine reads the queue.
package main

import (
	"fmt"
	"os"
	"strings"

	"abi/celect"
)

func expect(ok bool, what string, got ...interface{}) {
	if !ok {
		fmt.Println("FAILED:", what, fmt.Sprint(got...))
		os.Exit(1)
	}
}

func success(code int32, what string) {
	expect(code == celect.ELECT_OK, what, " ", celect.Code_name(code))
}

func options(pairs ...string) celect.Elect_options {
	options := celect.Options_new()
	for i := 0; i < len(pairs); i += 2 {
		success(celect.Options_set(options, pairs[i], pairs[i+1]), pairs[i])
	}
	return options
}

func errors() {
	given := options("lock_ttl", "2s")
	defer celect.Options_free(given)
	expect(celect.Options_set(given, "lock_ttl", "10") == celect.ELECT_EINVAL, "a bare number is refused")
	expect(strings.Contains(celect.Options_error(given), "lock_ttl"), "its error names the option", celect.Options_error(given))
	expect(celect.Options_get(given, "lock_ttl") == "2s", "options stay as they were")
	var at uintptr
	expect(celect.Client_open(given, &at) == celect.ELECT_EINVAL && at == 0, "no store, no client")
	expect(strings.Contains(celect.Options_error(given), "store"), "its error names the store", celect.Options_error(given))
	expect(celect.Code_name(-1) == "ELECT_EINVAL", "-1 stays -1")
}

// pump reads the queue until it ends and hands on the kinds of events, in order, without LEADER_CHANGED.
func pump(client celect.Elect_client, kinds chan<- int32, epochs chan<- uint64) {
	var at uintptr
	for celect.Client_next_event(client, -1, &at) == celect.ELECT_OK {
		event := celect.SwigcptrElect_event(at)
		expect(celect.Event_tag(event) == 7, "the tag")
		kind := celect.Event_kind(event)
		if kind == celect.ELECT_EVENT_ELECTED {
			epochs <- celect.Event_epoch(event)
		}
		if kind != celect.ELECT_EVENT_LEADER_CHANGED {
			kinds <- kind
		}
		celect.Event_free(event)
	}
	close(kinds)
}

func elect(store string) {
	given := options("store", store, "lock_ttl", "2s")
	own := options("name", "smoke", "instance_id", "go-1", "address", "here:1")
	var at uintptr
	success(celect.Client_open(given, &at), celect.Options_error(given))
	client := celect.SwigcptrElect_client(at)
	success(celect.Election_new(client, own, &at), celect.Options_error(own))
	election := celect.SwigcptrElect_election(at)
	celect.Options_free(own)
	celect.Options_free(given)
	success(celect.Election_queue_events(election, 7), "queue_events")
	kinds, epochs := make(chan int32, 16), make(chan uint64, 1)
	go pump(client, kinds, epochs)

	success(celect.Election_start(election), "start")
	success(celect.Election_wait(election, 60000), "wait")
	epoch := <-epochs
	expect(celect.Election_is_leader(election) == 1, "is_leader")
	var now uint64
	var lease int64
	expect(celect.Election_check(election, &now, &lease) == 1 && now == epoch, "check", now, epoch)
	expect(lease > 0 && lease <= 2000, "lease", lease)
	success(celect.Election_leader(election, -1, 60000, &at), "leader")
	leader := celect.SwigcptrElect_leader(at)
	expect(celect.Leader_instance_id(leader) == "go-1", celect.Leader_instance_id(leader))
	expect(celect.Leader_address(leader) == "here:1" && celect.Leader_epoch(leader) == epoch, "leader")
	celect.Leader_free(leader)
	success(celect.Election_report(election, "status", 60000, &at), "report")
	expect(strings.Contains(celect.String_at(at), fmt.Sprint(epoch)), "the report's epoch", celect.String_at(at))
	celect.String_free(at)

	success(celect.Election_stop(election), "stop")
	expect(celect.Election_is_leader(election) == 0, "no leader after stop")
	success(celect.Election_join(election, 60000), "join")
	success(celect.Client_close(client, 60000), "close")
	var order []int32
	for kind := range kinds {
		order = append(order, kind)
	}
	wanted := []int32{celect.ELECT_EVENT_ELECTED, celect.ELECT_EVENT_LOST, celect.ELECT_EVENT_CLOSED}
	expect(fmt.Sprint(order) == fmt.Sprint(wanted), "the order of events", order)
	celect.Election_free(election)
	celect.Client_free(client)
}

func main() {
	expect(celect.Version() == os.Args[1], "version", celect.Version())
	errors()
	elect("memory:")
	elect("local:" + os.Args[2])
	fmt.Println("ok")
}
