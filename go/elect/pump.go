package elect

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"github.com/libelect/libelect/go/internal/celect"
)

// pump reads the client's queue until it ends. No user's code runs here, and nothing waits.
func (c *Client) pump() {
	defer close(c.done)
	var at uintptr
	for celect.Client_next_event(c.handle, -1, &at) == celect.ELECT_OK {
		event := celect.SwigcptrElect_event(at)
		if tag := celect.Event_tag(event); tag == 0 {
			c.logEvent(event)
		} else {
			c.taken.Add(1)
			c.find(tag).take(event)
		}
	}
}

// register gives an election its tag.
func (c *Client) register(e *Election) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tags++
	c.elections[c.tags] = e
	return c.tags
}

func (c *Client) find(tag uint64) *Election {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.elections[tag]
}

func (c *Client) drop(tag uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.elections, tag)
}

// ---- the log ----

// A logWorker hands records to the logger, which may take its time: what is more than a queue of them is dropped.
type logWorker struct {
	worker  worker
	waiting atomic.Int32
	dropped atomic.Int64
}

const logsWaiting = 256

// flush waits until what was logged is written, unless the logger takes longer than that.
func (w *logWorker) flush(client *Client) {
	written := make(chan struct{})
	w.worker.add(client, func() { close(written) })
	select {
	case <-written:
	case <-time.After(time.Second):
	}
}

// logEvent logs what the library says.
func (c *Client) logEvent(event celect.Elect_event) {
	level, text, fields := celect.Event_level(event), celect.Event_text(event), celect.Event_fields(event)
	celect.Event_free(event)
	c.logs.add(c, func(ctx context.Context) {
		c.logger.LogAttrs(ctx, slogLevel(level), text, fieldAttributes(fields)...)
	})
}

// say logs what this package says.
func (c *Client) say(level slog.Level, text string, attributes ...slog.Attr) {
	c.logs.add(c, func(ctx context.Context) { c.logger.LogAttrs(ctx, level, text, attributes...) })
}

func (w *logWorker) add(client *Client, write func(context.Context)) {
	if w.waiting.Add(1) > logsWaiting {
		w.waiting.Add(-1)
		w.dropped.Add(1)
		return
	}
	w.worker.add(client, func() {
		defer func() {
			if reason := recover(); reason != nil { // there is no logger to tell
				fmt.Fprintln(os.Stderr, "elect: Logger panicked:", reason)
			}
		}()
		w.waiting.Add(-1)
		ctx := context.Background()
		if dropped := w.dropped.Swap(0); dropped > 0 {
			client.logger.Log(ctx, slog.LevelWarn, "elect: the logger is slow, records were dropped", "records", dropped)
		}
		write(ctx)
	})
}

func fieldAttributes(fields string) []slog.Attr {
	var values map[string]any
	decoder := json.NewDecoder(strings.NewReader(fields))
	decoder.UseNumber()         // an epoch has more digits than a float shows
	_ = decoder.Decode(&values) // the library's own JSON; without it the text says what happened
	attributes := make([]slog.Attr, 0, len(values))
	for name, value := range values {
		attributes = append(attributes, slog.Any(name, value))
	}
	sort.Slice(attributes, func(i, j int) bool { return attributes[i].Key < attributes[j].Key })
	return attributes
}

var levels = []struct {
	code int32
	name string
	slog slog.Level
}{
	{celect.ELECT_LOG_DEBUG, "debug", slog.LevelDebug},
	{celect.ELECT_LOG_INFO, "info", slog.LevelInfo},
	{celect.ELECT_LOG_WARN, "warn", slog.LevelWarn},
	{celect.ELECT_LOG_ERROR, "error", slog.LevelError},
}

func slogLevel(code int32) slog.Level {
	for _, level := range levels {
		if level.code == code {
			return level.slog
		}
	}
	return slog.LevelError
}

// lowestLevel is the log_level that this logger takes.
func lowestLevel(logger *slog.Logger) string {
	for _, level := range levels {
		if logger.Enabled(context.Background(), level.slog) {
			return level.name
		}
	}
	return "off"
}
