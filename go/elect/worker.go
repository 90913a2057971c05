package elect

import (
	"bytes"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
)

// A worker runs calls one after the other, on a goroutine that exists only while there are some: what a user's code
// does there delays nobody else.
type worker struct {
	mu      sync.Mutex
	calls   []func()
	running bool
}

func (w *worker) add(client *Client, call func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, call)
	if !w.running {
		w.running = true
		go w.run(client)
	}
}

func (w *worker) run(client *Client) {
	done := false
	defer func() {
		if !done { // a call ended this goroutine: the others have another
			go w.run(client)
		}
	}()
	defer client.enter()()
	for call := w.next(); call != nil; call = w.next() {
		call()
	}
	done = true
}

func (w *worker) next() func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.calls) == 0 {
		w.calls, w.running = nil, false
		return nil
	}
	call := w.calls[0]
	w.calls = w.calls[1:]
	return call
}

// protect runs a user's function; its panic is logged and goes no further.
func (c *Client) protect(what, name string, call func()) {
	defer func() {
		if reason := recover(); reason != nil {
			c.say(slog.LevelError, "elect: a panic was caught", slog.String("in", what), slog.String("election", name),
				slog.Any("panic", reason), slog.String("stack", string(debug.Stack())))
		}
	}()
	call()
}

// protectAll runs one after the other, also when one ends its goroutine.
func (c *Client) protectAll(what, name string, calls []func()) {
	if len(calls) > 0 {
		defer c.protectAll(what, name, calls[1:])
		c.protect(what, name, calls[0])
	}
}

// enter notes that this goroutine runs a user's code, whose end others wait for, until the function that it answers is
// called: Stop and Close must not wait here.
func (c *Client) enter() func() {
	id := goroutineID()
	if _, nested := c.callers.LoadOrStore(id, true); nested {
		return func() {}
	}
	return func() { c.callers.Delete(id) }
}

func (c *Client) inCallback() bool {
	_, entered := c.callers.Load(goroutineID())
	return entered
}

// goroutineID reads "goroutine 18 [running]:", the one place where the runtime says it.
func goroutineID() uint64 {
	var buffer [64]byte
	fields := bytes.Fields(buffer[:runtime.Stack(buffer[:], false)])
	id, _ := strconv.ParseUint(string(fields[1]), 10, 64)
	return id
}
