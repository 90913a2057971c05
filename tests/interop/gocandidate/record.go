package main

import (
	"bufio"
	"fmt"
	"math/rand"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// A record is as tests/faults/candidate.h has it.
type record struct {
	called, returned int64
	epoch, number    uint64
	leaseMS          int32
	kind, answer     uint16
}

const (
	isCheck, isLeads, isSilence, isWrite = 1, 2, 3, 4 // kinds
	accepted, refused                    = 1, 2       // answers to a write
	records                              = 4 << 20
	checkPause                           = 300 * time.Microsecond
	workPause                            = time.Millisecond
)

// A history is a file that is mapped: what was written is there even if the process is killed the next moment.
type history struct {
	records []record
	used    int
}

func openHistory(name string) *history {
	size := records * int(unsafe.Sizeof(record{}))
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = file.Truncate(int64(size))
	}
	if err != nil {
		fail("%v", err)
	}
	defer file.Close()
	bytes, err := syscall.Mmap(int(file.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		fail("%s: %v", name, err)
	}
	return &history{records: unsafe.Slice((*record)(unsafe.Pointer(&bytes[0])), records)}
}

func (h *history) add(kind uint16, called int64) *record {
	if h.used == len(h.records) {
		fail("the history is full")
	}
	made := &h.records[h.used]
	h.used++
	made.kind, made.called = kind, called
	return made
}

// record starts what is asked for.
func (c *candidate) record(running *sync.WaitGroup) {
	for file, keep := range map[string]func(*history){c.checks: c.check, c.writes: c.write} {
		if file == "" {
			continue
		}
		running.Add(1)
		go func(keep func(*history), kept *history) {
			defer running.Done()
			keep(kept)
		}(keep, openHistory(file))
	}
}

// check asks all the time. IsLeader comes first: after a pause it is the first to be asked. It speaks of the term whose epoch
// was known before and is after it; of none that can be named when these differ.
func (c *candidate) check(kept *history) {
	var silence *record
	last := c.election.Epoch()
	for ; !c.over.Load(); time.Sleep(checkPause) {
		called := nanoseconds()
		leads := c.election.IsLeader()
		between := nanoseconds()
		epoch := c.election.Epoch()
		term := c.term.Load()
		checks := term != nil && term.Check() == nil
		returned := nanoseconds()
		switch {
		case leads || checks:
			silence = nil
		case silence == nil:
			silence = kept.add(isSilence, called)
			fallthrough
		default:
			silence.returned = returned
			silence.number++
		}
		if leads {
			answer := kept.add(isLeads, called)
			if epoch == last {
				answer.epoch = epoch
			}
			answer.answer = 1
			answer.returned = between
		}
		if checks {
			answer := kept.add(isCheck, between)
			answer.epoch = term.Epoch
			answer.leaseMS = int32(term.LeaseRemaining().Milliseconds())
			answer.answer = 1
			answer.returned = returned
		}
		last = epoch
	}
}

// write does what a leader does. Work comes between the question and the write, as in every program: a pause hits it there.
func (c *candidate) write(kept *history) {
	register, err := net.Dial("unix", c.register)
	if err != nil {
		fail("%v", err)
	}
	defer register.Close()
	for replies := bufio.NewReader(register); !c.over.Load(); {
		term := c.term.Load()
		leads := term != nil && term.Check() == nil
		time.Sleep(workPause + time.Duration(rand.Int63n(int64(2*workPause))))
		if !leads {
			continue
		}
		write := kept.add(isWrite, nanoseconds())
		write.epoch = term.Epoch
		fmt.Fprintf(register, "EVALSHA %s 2 {register}:high {register} %d %d\r\n", c.script, term.Epoch, write.called)
		reply, err := replies.ReadString('\n')
		returned := nanoseconds()
		if strings.HasPrefix(reply, ":1\r") {
			write.answer = accepted
		} else if _, refusal := fmt.Sscanf(reply, "-FENCED %d", &write.number); refusal == nil {
			write.answer = refused
		} else {
			fail("the register: %q %v", reply, err)
		}
		write.returned = returned
	}
}
