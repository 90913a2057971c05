package elect

import (
	"runtime"

	"github.com/libelect/libelect/go/internal/celect"
)

// Handles are freed when nothing refers to them any more. They refer to nothing: an election that a callback of its own
// refers to is a circle, and in a circle no finalizer runs.
type (
	clientHandle   struct{ celect.SwigcptrElect_client }
	electionHandle struct{ celect.SwigcptrElect_election }
)

func newClientHandle(at uintptr) *clientHandle {
	handle := &clientHandle{celect.SwigcptrElect_client(at)}
	runtime.SetFinalizer(handle, func(h *clientHandle) { celect.Client_free(h) })
	return handle
}

func newElectionHandle(at uintptr) *electionHandle {
	handle := &electionHandle{celect.SwigcptrElect_election(at)}
	runtime.SetFinalizer(handle, func(h *electionHandle) { celect.Election_free(h) })
	return handle
}
