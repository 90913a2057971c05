//go:build linux

package elect_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
)

// Roles of the processes that tests start from this program: roleVariable names one, storeVariable their store.
const (
	roleVariable  = "ELECT_TEST_ROLE"
	storeVariable = "ELECT_TEST_STORE"
)

var roles = map[string]func(){
	"paused":            rolePaused,
	"run":               roleRun,
	"exit idle":         func() { roleElection(); os.Exit(7) },
	"exit leading":      func() { roleLead(nil); os.Exit(7) },
	"exit draining":     roleExitDraining,
	"exit in callback":  roleExitInCallback,
	"exit in run":       roleExitInRun,
	"exit while closed": roleExitWhileClosed,
	"return leading":    func() { roleLead(nil) },
	"panic leading":     func() { roleLead(nil); panic("as it should") },
	"panic in run":      func() { _ = roleElection().Run(context.Background(), panicsInItsWork) },
}

// TestMain is also that of the processes that tests start: they do what roleVariable says, and end.
func TestMain(m *testing.M) {
	if role := roles[os.Getenv(roleVariable)]; role != nil {
		role()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func roleElection() *elect.Election {
	store := os.Getenv(storeVariable)
	election, err := elect.New(&elect.Config{Store: store, Name: "job", LockTTL: time.Second, Logger: quiet()})
	must(err)
	return election
}

func roleLead(lost func()) *elect.Election {
	election := roleElection()
	if lost != nil {
		election.OnLoseLeadership(lost)
	}
	told := make(chan struct{}) // a term that ends before its beginning was told has no end to be told either
	election.OnBecomeLeader(sync.OnceFunc(func() { close(told) }))
	must(election.Begin(context.Background()))
	<-told
	return election
}

func roleExitDraining() {
	draining := make(chan struct{})
	election := roleLead(func() {
		close(draining)
		select {}
	})
	go election.Stop()
	<-draining
	os.Exit(7)
}

func roleExitInCallback() {
	election := roleElection()
	election.OnBecomeLeader(func() { os.Exit(7) })
	_ = election.Start(context.Background())
}

func roleExitInRun() {
	_ = roleElection().Run(context.Background(), func(context.Context, elect.Term) error {
		os.Exit(7)
		return nil
	})
}

func roleExitWhileClosed() {
	election := roleLead(nil)
	go election.Client().Close()
	os.Exit(7)
}

// rolePaused asks whether it leads once more when it gets a line, which comes while it is stopped.
func rolePaused() {
	election := roleElection()
	err := election.Run(context.Background(), func(ctx context.Context, term elect.Term) error {
		fmt.Println("leads", election.IsLeader())
		_, err := bufio.NewReader(os.Stdin).ReadString('\n')
		must(err)
		fmt.Println("leads", election.IsLeader(), term.Check(), term.LeaseRemaining())
		<-ctx.Done()
		fmt.Println(reason(ctx))
		must(election.Stop())
		return nil
	})
	fmt.Println("ends", err)
}

// roleRun tells of its terms until its standard input ends.
func roleRun() {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	_ = roleElection().Run(ctx, func(ctx context.Context, term elect.Term) error {
		fmt.Println("leads", term.Epoch)
		<-ctx.Done()
		return nil
	})
}

func reason(ctx context.Context) elect.Reason {
	var lost *elect.LostError
	errors.As(context.Cause(ctx), &lost)
	return lost.Reason
}

// role is a process of this program, to be started.
func role(name, store string) *exec.Cmd {
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), roleVariable+"="+name, storeVariable+"="+store)
	return process
}

// A child is such a process with what it says, which ends with the test.
type child struct {
	*exec.Cmd
	input io.WriteCloser
	lines chan string
}

func start(t *testing.T, name, store string) *child {
	t.Helper()
	process := role(name, store)
	process.Stderr = os.Stderr
	output, err := process.StdoutPipe()
	check(t, err)
	input, err := process.StdinPipe()
	check(t, err)
	check(t, process.Start())
	started := &child{process, input, make(chan string, 100)}
	go func() {
		defer close(started.lines)
		for lines := bufio.NewScanner(output); lines.Scan(); {
			started.lines <- lines.Text()
		}
	}()
	t.Cleanup(started.kill)
	return started
}

func (c *child) kill() {
	_ = c.Process.Kill() // or it has ended
	for range c.lines {
	}
	_ = c.Wait() // "signal: killed"
}

func (c *child) expect(t *testing.T, want string) {
	t.Helper()
	if got := receive(t, want, c.lines); got != want {
		t.Errorf("the process says %q, want %q", got, want)
	}
}

// A process that did not run past the end of its lease finds that it does not lead by the first thing it asks.
func TestAPausedProcess(t *testing.T) {
	for i := 0; i < min(times(1), 10); i++ {
		process := start(t, "paused", "memory:")
		process.expect(t, "leads true")
		check(t, process.Process.Signal(syscall.SIGSTOP))
		stopped := awaitStopped(t, process.Process.Pid)
		time.Sleep(time.Until(stopped.Add(1100 * time.Millisecond))) // longer than the lease
		_, err := io.WriteString(process.input, "\n")
		check(t, err)
		check(t, process.Process.Signal(syscall.SIGCONT))
		process.expect(t, "leads false "+elect.ErrNotLeader.Error()+" 0s")
		process.expect(t, "paused")
		process.expect(t, "ends <nil>")
		process.kill()
	}
}

// awaitStopped answers a time at which the process was stopped.
func awaitStopped(t *testing.T, pid int) time.Time {
	t.Helper()
	for deadline := time.Now().Add(hang); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		check(t, err)
		if fields := strings.Fields(string(status[strings.LastIndexByte(string(status), ')'):])); fields[1] == "T" {
			return time.Now()
		}
	}
	t.Fatal("it does not stop")
	return time.Time{}
}

// Processes end as they were asked to, in whatever state libelect is.
func TestExitInEachState(t *testing.T) {
	for name := range roles {
		how, _, _ := strings.Cut(name, " ")
		code, found := map[string]int{"exit": 7, "return": 0, "panic": 2}[how]
		if !found {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for i := 0; i < times(2); i++ {
				expectExit(t, name, code)
			}
		})
	}
}

func expectExit(t *testing.T, name string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	process := exec.CommandContext(ctx, os.Args[0])
	process.Env = role(name, "memory:").Env
	said, _ := process.CombinedOutput() // the exit code is looked at below
	expect(t, "the exit code", process.ProcessState.ExitCode(), code)
	if expected := code == 2; len(said) > 0 != expected || strings.Contains(string(said), "SIG") {
		t.Errorf("it says %q", said)
	}
}

// A child of os/exec inherits no descriptor of the library.
func TestChildrenInheritNoDescriptors(t *testing.T) {
	before := descriptorsOfAChild(t)
	for _, store := range []string{"memory:", "local:" + t.TempDir(), "redis://127.0.0.1:1"} {
		client := open(t, &elect.Config{Store: store, LogLevel: "off"})
		check(t, candidate(t, client, "job").Begin(context.Background()))
		expect(t, "descriptors of a child, with "+store, descriptorsOfAChild(t), before)
	}
}

func descriptorsOfAChild(t *testing.T) string {
	t.Helper()
	list, err := exec.Command("ls", "/proc/self/fd").Output()
	check(t, err)
	return string(list)
}
