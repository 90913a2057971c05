package elect

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"time"

	"github.com/libelect/libelect/go/internal/celect"
)

// A Store is a register of your own with compare-and-set: etcd, Consul, NATS, DynamoDB, a table with a version column.
// Set it as Config.CustomStore. The record, the epochs, the timing and every rule of safety stay in libelect: the store may
// be slow, or unsure whether a write was applied, and there is still one leader, as long as its compare-and-set is
// linearizable. Its methods are called on goroutines of their own, up to 256 at once; what is not done when ctx ends comes
// too late. After an error that is neither ErrConflict nor one of ErrStore, ErrAuth and ErrUnreachable (surely not applied) a
// write may have been applied. Keys have at most 512 bytes, values are JSON of at most 16 KiB.
type Store interface {
	// Read answers what key holds, and its version; "" and "" when it is absent.
	Read(ctx context.Context, key string) (value, version string, err error)
	// Write writes value if key has this version ("": is absent), and answers the new version: less than 128 bytes
	// without control characters, never one that this key had before. ErrConflict: it has another.
	Write(ctx context.Context, key, value, version string) (next string, err error)
}

// ErrConflict is what Store.Write answers when the key has another version.
var ErrConflict = errors.New("elect: the key has another version")

// KeyChanged says that a watch of your CustomStore saw this key change: who waits for it looks at once, not at its next
// RetryInterval. Nobody needs to call it.
func (c *Client) KeyChanged(key string) error {
	defer runtime.KeepAlive(c)
	return codeError(celect.Client_key_changed(c.handle, key))
}

// serve hands the operations of the client to its store until the client is closed.
func (c *Client) serve(store Store) {
	var at uintptr
	slots := make(chan struct{}, operationsAtOnce)
	for {
		select {
		case slots <- struct{}{}:
		case <-c.done:
			return
		}
		if celect.Client_next_op(c.handle, -1, &at) != celect.ELECT_OK {
			return
		}
		op := celect.SwigcptrElect_op(at)
		go func() {
			defer func() { <-slots }()
			c.operate(store, op)
		}()
	}
}

// What more is asked of a store that does not return waits, and is surely not applied when its time is over.
const operationsAtOnce = 256

func (c *Client) operate(store Store, op celect.Elect_op) {
	defer c.enter()()
	limit := time.Duration(celect.Op_remaining_ms(op)) * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	key, value, version, text := celect.Op_key(op), "", "", ""
	code := int32(celect.ELECT_EUNKNOWN) // of a panic
	defer func() { celect.Op_complete(op, code, version, value, text) }()
	c.protect("CustomStore", key, func() {
		var err error
		if celect.Op_kind(op) == celect.ELECT_OP_READ {
			value, version, err = store.Read(ctx, key)
		} else {
			version, err = store.Write(ctx, key, celect.Op_value(op), celect.Op_version(op))
		}
		if err == nil && strings.ContainsRune(value+version, 0) { // in C it would be cut there
			err = errors.New("CustomStore: a value or a version holds a zero byte")
		}
		if err != nil {
			text = err.Error()
		}
		code = outcome(err)
	})
}

func outcome(err error) int32 {
	if err == nil {
		return celect.ELECT_OK
	}
	if errors.Is(err, ErrConflict) {
		return celect.ELECT_ESTATE
	}
	for _, code := range []Code{ErrStore, ErrAuth, ErrUnreachable} {
		if errors.Is(err, code) {
			return int32(code)
		}
	}
	return celect.ELECT_EUNKNOWN
}
