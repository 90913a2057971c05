package elect

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libelect/libelect/go/internal/celect"
)

// A Client is a connection to one store, for any number of elections. Close it; its memory is then the collector's.
type Client struct {
	handle    *clientHandle
	logger    *slog.Logger
	keep      bool          // KeepStanding
	done      chan struct{} // closed when the last event has been read
	callers   sync.Map      // goroutines that run a user's code
	logs      logWorker
	requests  slots
	questions slots // who leads

	mu        sync.Mutex
	taken     atomic.Int64         // events
	elections map[uint64]*Election // by tag, from their start until their end
	tags      uint64
}

// Open opens a store. A store that can't be reached is no error: the client keeps trying.
func Open(config *Config) (*Client, error) {
	if !celect.Supported {
		return nil, ErrUnsupported
	}
	var own Config
	if config != nil {
		own = *config
	}
	if own.Logger == nil {
		own.Logger = slog.Default()
	}
	_, query, _ := strings.Cut(own.Store, "?")
	if inURL, _ := url.ParseQuery(query); own.LogLevel == "" && !inURL.Has("log_level") {
		own.LogLevel = lowestLevel(own.Logger)
	}
	if own.CustomStore == nil && strings.HasPrefix(own.Store, "custom:") {
		return nil, &Error{ErrInvalid, "store=custom: set CustomStore to what serves it"}
	}
	options, err := own.options()
	if err != nil {
		return nil, err
	}
	defer celect.Options_free(options)
	var at uintptr
	if err := optionsError(celect.Client_open(options, &at), options); err != nil {
		return nil, err
	}
	client := &Client{
		handle:    newClientHandle(at),
		logger:    own.Logger,
		keep:      own.KeepStanding,
		done:      make(chan struct{}),
		requests:  make(slots, callsAtOnce),
		questions: make(slots, callsAtOnce),
		elections: map[uint64]*Election{},
	}
	celect.Client_on_log(client.handle, nil, 0, nil)
	go client.pump()
	if own.CustomStore != nil {
		go client.serve(own.CustomStore)
	}
	return client, nil
}

// New is an election over this client: what the client's Config says, and over it what config does, of options that may
// differ between elections. It does nothing until Start or Run. config may be nil.
func (c *Client) New(config *Config) (*Election, error) {
	if config == nil {
		config = &Config{}
	}
	if config.Logger != nil && config.Logger != c.logger {
		return nil, &Error{ErrInvalid, "Logger: it is the client's; set it in the Config that Open gets"}
	}
	options, err := config.options()
	if err != nil {
		return nil, err
	}
	defer celect.Options_free(options)
	var at uintptr
	if err := optionsError(celect.Election_new(c.handle, options, &at), options); err != nil {
		return nil, err
	}
	election := &Election{
		client: c,
		handle: newElectionHandle(at),
		done:   make(chan struct{}),
		keep:   config.KeepStanding || c.keep,
	}
	return election, nil
}

// Close stops every election, waits until they have released, and ends the connection: at most DrainTimeout and the time
// limit of a request. From a callback it only asks. It may be called again.
func (c *Client) Close() error {
	if c.inCallback() {
		go c.close()
		return nil
	}
	return c.close()
}

func (c *Client) close() error {
	err := codeError(celect.Client_close(c.handle, -1))
	if err == nil {
		<-c.done
		c.logs.flush(c)
	}
	runtime.KeepAlive(c)
	return err
}

// Update changes the options that docs/options.md calls dynamic: passwords, certificates, LogLevel. They count from the next
// connect on.
func (c *Client) Update(changes *Config) error {
	defer runtime.KeepAlive(c)
	return update(changes, func(options celect.Elect_options) int32 { return celect.Client_update(c.handle, options) })
}

func update(changes *Config, call func(celect.Elect_options) int32) error {
	if changes != nil && changes.Logger != nil {
		return &Error{ErrInvalid, "Logger: it stays what Open got; LogLevel can be changed"}
	}
	if changes != nil && changes.KeepStanding {
		return &Error{ErrInvalid, "KeepStanding: it stays what New got"}
	}
	options, err := changes.options()
	if err != nil {
		return err
	}
	defer celect.Options_free(options)
	return optionsError(call(options), options)
}

// Report asks for "metrics" (of this client), "store" (its tier and fitness), "elections" (all in the store) or "doctor" (a
// check of the store, which takes some seconds), as elect_client_report of elect.h has them.
func (c *Client) Report(ctx context.Context, what string) (json.RawMessage, error) {
	report, err := request(ctx, c.requests, func(timeoutMS int64) (json.RawMessage, error) {
		defer runtime.KeepAlive(c)
		var at uintptr
		code := celect.Client_report(c.handle, what, timeoutMS, &at)
		return takeString(at), codeError(code)
	})
	return report, explained(err, "what=%q: must be metrics, store, elections or doctor", what)
}

// Forget removes what the store keeps of an election, its epochs too. ErrState: somebody leads or stands.
func (c *Client) Forget(ctx context.Context, name string) error {
	if strings.ContainsRune(name, 0) { // in C it would be cut there, and be another
		return &Error{ErrInvalid, fmt.Sprintf("name=%q: a text must not hold a zero byte", name)}
	}
	_, err := request(ctx, c.requests, func(timeoutMS int64) (any, error) {
		defer runtime.KeepAlive(c)
		return nil, codeError(celect.Client_forget(c.handle, name, timeoutMS))
	})
	return explained(err, "name=%q: must have 1 to 200 bytes", name)
}

const (
	requestLimit = time.Minute // the longest that anything is asked of a store
	callsAtOnce  = 16          // requests, and questions who leads
)

// slots has an element for each call that C waits in: each holds a thread, also when nobody waits for it any more.
type slots chan struct{}

// request runs a call that waits for the store, once there is a slot, until ctx ends; the call ends by its own time limit.
func request[T any](ctx context.Context, slots slots, call func(timeoutMS int64) (T, error)) (none T, err error) {
	if err := context.Cause(ctx); err != nil {
		return none, err
	}
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
	limit := requestLimit.Milliseconds()
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, max(0, time.Until(deadline).Milliseconds()+1))
	}
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		value, err := call(limit)
		<-slots
		answers <- answer{value, err}
	}()
	select {
	case <-ctx.Done():
		return none, context.Cause(ctx)
	case answer := <-answers:
		return answer.value, answer.err
	}
}

func takeString(at uintptr) json.RawMessage {
	if at == 0 {
		return nil
	}
	defer celect.String_free(at)
	return json.RawMessage(celect.String_at(at))
}
