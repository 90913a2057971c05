// gocandidate [--NAME=VALUE...] OPTION=VALUE...: stands in an election by the Go package, and speaks as
// tests/faults/candidate.c does: lines "NANOSECONDS WORD ..." on stdout; orders "stop" and "resign MILLISECONDS" by stdin,
// whose end ends it; the histories of --checks and --writes.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/libelect/libelect/go/elect"
)

type candidate struct {
	election         *elect.Election
	checks, writes   string // files
	register, script string
	term             atomic.Pointer[elect.Term] // the last that was won
	over             atomic.Bool
}

// nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share.
func nanoseconds() int64 {
	const monotonic = 1
	var now syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, monotonic, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

func fail(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "gocandidate: "+format+"\n", values...)
	os.Exit(3)
}

// tell writes once, so that lines of goroutines never mix.
func tell(format string, values ...any) {
	line := fmt.Sprintf("%d "+format+"\n", append([]any{nanoseconds()}, values...)...)
	if _, err := os.Stdout.WriteString(line); err != nil {
		os.Exit(4) // nobody reads any more
	}
}

// ---- events ----

// lead tells of a term; the release waits for its return.
func (c *candidate) lead(ctx context.Context, term elect.Term) error {
	c.term.Store(&term)
	tell("elected %d", term.Epoch)
	<-ctx.Done()
	var lost *elect.LostError
	if !errors.As(context.Cause(ctx), &lost) {
		fail("a term ended by %v", context.Cause(ctx))
	}
	tell("lost %d %s", lost.Epoch, lost.Reason)
	return nil
}

func (c *candidate) tellLeaders() {
	for leader := range c.election.Observe(context.Background()) {
		if leader.Nobody() {
			tell("leader - 0")
		} else {
			tell("leader %s %d", leader.InstanceID, leader.Epoch)
		}
	}
}

func (c *candidate) tellErrors() {
	promoted, demoted, errored := c.election.Channels()
	go func() {
		for {
			select {
			case <-promoted:
			case <-demoted:
			case err := <-errored:
				tell("error %v", err)
			}
		}
	}()
}

// logs tells of records, their level as the library counts it.
type logs struct{}

func (logs) Enabled(context.Context, slog.Level) bool { return true }
func (l logs) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l logs) WithGroup(string) slog.Handler          { return l }
func (logs) Handle(_ context.Context, record slog.Record) error {
	fields := map[string]any{}
	record.Attrs(func(field slog.Attr) bool {
		fields[field.Key] = field.Value.Any()
		return true
	})
	text, err := json.Marshal(fields)
	tell("log %d %s %s", 3-record.Level/4, record.Message, text)
	return err
}

// ---- life ----

func (c *candidate) obey(line string) {
	order, number, _ := strings.Cut(line, " ")
	switch order {
	case "stop":
		err := c.election.Stop()
		tell("stop %v %t", err, c.election.IsLeader())
	case "resign":
		backoff, err := time.ParseDuration(number + "ms")
		if err != nil {
			fail("%v", err)
		}
		tell("resign %v", c.election.Resign(backoff))
	default:
		fail("no such order: %s", line)
	}
}

// take sorts the arguments: options go by the environment, where the library's own spelling of them is understood.
func (c *candidate) take(arguments []string) {
	own := map[string]*string{
		"--checks": &c.checks, "--writes": &c.writes, "--register": &c.register, "--guard": &c.script,
	}
	for _, argument := range arguments {
		name, value, ok := strings.Cut(argument, "=")
		switch {
		case !ok:
			fail("%s: not understood", argument)
		case own[name] != nil:
			*own[name] = value
		default:
			os.Setenv("LEADER_ELECTION_"+strings.ToUpper(name), value)
		}
	}
}

func main() {
	c := &candidate{}
	c.take(os.Args[1:])
	config, err := elect.ConfigFromEnv()
	if err != nil {
		fail("%v", err)
	}
	config.Logger = slog.New(logs{})
	if c.election, err = elect.New(config); err != nil {
		fail("%v", err)
	}
	c.tellErrors()
	go c.tellLeaders()
	var recorders sync.WaitGroup
	c.record(&recorders)
	tell("ready")
	ended := make(chan error, 1)
	go func() { ended <- c.election.Run(context.Background(), c.lead) }()
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		c.obey(orders.Text())
	}
	c.over.Store(true)
	recorders.Wait()
	if err := c.election.Stop(); err != nil {
		fail("stop: %v", err)
	}
	if err := <-ended; err != nil {
		fail("run: %v", err)
	}
}
