package elect_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libelect/libelect/go/internal/redistest"
)

// A way leads to a server, and can fail.
type way struct {
	closed   atomic.Bool  // neither old connections nor new ones
	swallows atomic.Int32 // so many replies that come next are lost, each with its connection
	url      string
}

func newWay(t *testing.T, server *redistest.Server) *way {
	t.Helper()
	target := strings.TrimPrefix(server.URL(), "redis+unix://")
	path := filepath.Join(filepath.Dir(target), "way")
	listener, err := net.Listen("unix", path)
	check(t, err)
	t.Cleanup(func() { listener.Close() })
	w := &way{url: "redis+unix://" + path}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go w.connect(near, target)
		}
	}()
	return w
}

func (w *way) connect(near net.Conn, target string) {
	defer near.Close()
	far, err := net.Dial("unix", target)
	if err != nil {
		return
	}
	defer far.Close()
	go func() {
		defer near.Close()
		defer far.Close()
		_, _ = io.Copy(far, near)
	}()
	buffer := make([]byte, 1<<16)
	for !w.closed.Load() {
		_ = far.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		n, err := far.Read(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return
		}
		if w.swallows.Load() > 0 {
			w.swallows.Add(-1)
			return
		}
		if _, err := near.Write(buffer[:n]); err != nil {
			return
		}
	}
}
