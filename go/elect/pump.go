package elect

import (
	"context"
	"encoding/json"
	"log/slog"
	"sort"
	"sync/atomic"

	"github.com/libelect/libelect/go/internal/celect"
)

// pump reads the client's queue until it ends. No user's code runs here, and nothing waits.
func (c *Client) pump() {
	defer close(c.done)
	var at uintptr
	for celect.Client_next_event(c.handle, -1, &at) == celect.ELECT_OK {
		event := celect.SwigcptrElect_event(at)
		if tag := celect.Event_tag(event); tag == 0 {
			c.logs.add(c, event)
		} else {
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

func (w *logWorker) add(client *Client, event celect.Elect_event) {
	level, text, fields := celect.Event_level(event), celect.Event_text(event), celect.Event_fields(event)
	celect.Event_free(event)
	if w.waiting.Add(1) > logsWaiting {
		w.waiting.Add(-1)
		w.dropped.Add(1)
		return
	}
	w.worker.add(client, func() {
		w.waiting.Add(-1)
		client.protect("Logger", "", func() { client.log(slogLevel(level), text, fields, w.dropped.Swap(0)) })
	})
}

func (c *Client) log(level slog.Level, text, fields string, dropped int64) {
	ctx := context.Background()
	if dropped > 0 {
		c.logger.Log(ctx, slog.LevelWarn, "elect: the logger is slow, records were dropped", "records", dropped)
	}
	var values map[string]any
	_ = json.Unmarshal([]byte(fields), &values) // the library's own JSON; without it the text says what happened
	attributes := make([]slog.Attr, 0, len(values))
	for name, value := range values {
		attributes = append(attributes, slog.Any(name, value))
	}
	sort.Slice(attributes, func(i, j int) bool { return attributes[i].Key < attributes[j].Key })
	c.logger.LogAttrs(ctx, level, text, attributes...)
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
