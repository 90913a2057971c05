package elect

import "time"

type noticeKind int

const (
	promoted noticeKind = iota
	demoted
	errored
)

type notice struct {
	kind noticeKind
	at   time.Time
	err  error
}

// notices are told through three channels, one after the other: who reads demoted has been told of the promotion before it,
// and hears of the error that caused it after it.
type notices struct {
	promoted chan time.Time
	demoted  chan time.Time
	errored  chan error
	waiting  []notice // the first is being told, if telling
	telling  bool
}

// Channels are for a select loop: they tell of terms' beginnings and ends, and of errors, in the order in which these
// happened. They never delay the election, and are never closed: a term that begins and ends before its beginning was read
// is not told, an unread error is replaced by a newer one. Read them until the demotion that follows Stop has come.
func (e *Election) Channels() (promoted, demoted <-chan time.Time, errored <-chan error) {
	n := &notices{promoted: make(chan time.Time), demoted: make(chan time.Time), errored: make(chan error)}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.channels = append(e.channels, n)
	return n.promoted, n.demoted, n.errored
}

// notify hands a notice to all channels. With mu held.
func (e *Election) notify(what notice) {
	what.at = time.Now()
	for _, n := range e.channels {
		n.add(what)
		if len(n.waiting) > 0 && !n.telling {
			n.telling = true
			go e.tell(n)
		}
	}
}

// add merges what is not told yet.
func (n *notices) add(what notice) {
	unread := n.waiting
	if n.telling {
		unread = unread[1:]
	}
	if len(unread) > 0 {
		switch last := &unread[len(unread)-1]; {
		case what.kind == errored && last.kind == errored:
			*last = what
			return
		case what.kind == demoted && last.kind == promoted:
			n.waiting = n.waiting[:len(n.waiting)-1]
			return
		}
	}
	n.waiting = append(n.waiting, what)
}

// tell waits for readers, as long as there is something to tell.
func (e *Election) tell(n *notices) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(n.waiting) > 0 {
		what := n.waiting[0]
		e.mu.Unlock()
		switch what.kind {
		case promoted:
			n.promoted <- what.at
		case demoted:
			n.demoted <- what.at
		case errored:
			n.errored <- what.err
		}
		e.mu.Lock()
		n.waiting = n.waiting[1:]
	}
	n.telling = false
}
