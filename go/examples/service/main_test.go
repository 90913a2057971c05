package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

type process struct {
	*exec.Cmd
	id      string
	address string
}

// A line is what a process has logged.
type line struct {
	from    *process
	Msg     string
	Address string
	Epoch   uint64
}

const isService = "ELECT_TEST_IS_SERVICE"

// TestMain is the service itself in the processes that the test starts.
func TestMain(m *testing.M) {
	if os.Getenv(isService) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func start(t *testing.T, store, id string, lines chan line) *process {
	p := &process{Cmd: exec.Command(os.Args[0]), id: id}
	p.Env = append(os.Environ(), isService+"=1", "LISTEN=127.0.0.1:0", "LEADER_ELECTION_STORE=local:"+store, "LEADER_ELECTION_NAME=billing",
		"LEADER_ELECTION_INSTANCE_ID="+id)
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	if err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill() // those that have ended already mind neither
		_ = p.Wait()
	})
	go func() {
		for text := bufio.NewScanner(out); text.Scan(); {
			said := line{from: p}
			if json.Unmarshal(text.Bytes(), &said) == nil {
				lines <- said
			}
		}
	}()
	p.address = await(lines, "listening", p).Address
	return p
}

// await reads what the processes log until one of these logs message.
func await(lines <-chan line, message string, of ...*process) line {
	for said := range lines {
		for _, p := range of {
			if said.from == p && said.Msg == message {
				return said
			}
		}
	}
	panic("never closed")
}

func get(t *testing.T, p *process, path string) (int, string) {
	answer, err := http.Get("http://" + p.address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestThreeProcessesOneOfWhichLeads(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	lines := make(chan line, 1000)
	var running []*process
	for _, id := range []string{"a", "b", "c"} {
		running = append(running, start(t, store, id, lines))
	}
	without := func(gone *process) (others []*process) {
		for _, p := range running {
			if p != gone {
				others = append(others, p)
			}
		}
		return others
	}

	first := await(lines, "the job runs", running...)
	if err := first.from.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	running = without(first.from)
	second := await(lines, "the job runs", running...)
	health(t, second)
	if code, body := get(t, second.from, "/"); code != http.StatusOK || body != "Hello from "+second.from.id+"\n" {
		t.Error(code, body)
	}
	stop(t, second.from)
	running = without(second.from)
	third := await(lines, "the job runs", running...)
	stop(t, third.from)
	if first.Epoch >= second.Epoch || second.Epoch >= third.Epoch {
		t.Error("epochs:", first.Epoch, second.Epoch, third.Epoch)
	}
}

func health(t *testing.T, leader line) {
	var told struct {
		IsLeader   bool   `json:"is_leader"`
		InstanceID string `json:"instance_id"`
		Leader     struct {
			InstanceID string `json:"instance_id"`
			Epoch      uint64
		} `json:"leader_info"`
	}
	code, body := get(t, leader.from, "/health")
	if err := json.Unmarshal([]byte(body), &told); err != nil || code != http.StatusOK {
		t.Fatal(code, body, err)
	}
	id := leader.from.id
	if !told.IsLeader || told.InstanceID != id || told.Leader.InstanceID != id || told.Leader.Epoch != leader.Epoch {
		t.Error(body)
	}
}

// stop ends a process as a supervisor does, which wants 0.
func stop(t *testing.T, p *process) {
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("%s: %v", p.id, err)
	}
}
