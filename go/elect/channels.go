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
	fresh    []notice      // not seen by tell yet
	news     chan struct{} // says that there are some
	telling  bool
}

// Channels are for a select loop: they tell of terms' beginnings and ends, and of errors, in the order in which these
// happened, and at once of a term that is under way. They never delay the election, hold no release, and are never closed.
// A term that begins and ends before its beginning was read is not told; an unread error is replaced by a newer one, and
// dropped when what came after it is read first. So errored need not be read. Read promoted and demoted until the demotion
// that follows Stop has come: until then a goroutine waits to tell it.
func (e *Election) Channels() (promoted, demoted <-chan time.Time, errored <-chan error) {
	n := &notices{
		promoted: make(chan time.Time),
		demoted:  make(chan time.Time),
		errored:  make(chan error),
		news:     make(chan struct{}, 1),
	}
	e.listen(n)
	return n.promoted, n.demoted, n.errored
}

func (e *Election) listen(n *notices) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.channels = append(e.channels, n)
	if e.term != nil {
		e.notifyOne(n, notice{kind: promoted, at: time.Now()})
	}
}

// notify hands a notice to all channels. With mu held.
func (e *Election) notify(what notice) {
	what.at = time.Now()
	for _, n := range e.channels {
		e.notifyOne(n, what)
	}
}

func (e *Election) notifyOne(n *notices, what notice) {
	n.fresh = append(n.fresh, what)
	if !n.telling {
		n.telling = true
		go e.tell(n)
	}
	select {
	case n.news <- struct{}{}:
	default: // it is said already
	}
}

// tell waits for readers, as long as there is something to tell.
func (e *Election) tell(n *notices) {
	var unread []notice
	for {
		e.mu.Lock()
		for _, what := range n.fresh {
			unread = merge(unread, what)
		}
		n.fresh = nil
		n.telling = len(unread) > 0
		e.mu.Unlock()
		if len(unread) == 0 {
			return
		}
		unread = n.offer(unread, e.done)
	}
}

// merge keeps at most a demotion, the promotion after it, and an error.
func merge(unread []notice, what notice) []notice {
	for i, older := range unread {
		rest := append(unread[:i:i], unread[i+1:]...)
		switch {
		case what.kind == demoted && older.kind == promoted:
			return rest
		case what.kind == errored && older.kind == errored:
			return append(rest, what)
		}
	}
	return append(unread, what)
}

// offer waits until one of unread is read, or there is news, and answers what is unread then. An error that nobody reads
// is dropped at the election's end.
func (n *notices) offer(unread []notice, done <-chan struct{}) []notice {
	var promotions, demotions chan time.Time
	var errors chan error
	var failure error
	turn := 0 // which of unread is the next beginning or end
	if unread[0].kind == errored {
		errors, failure = n.errored, unread[0].err
		turn = 1
	} else {
		done = nil
	}
	var at time.Time
	if turn < len(unread) {
		at, done = unread[turn].at, nil
		if unread[turn].kind == promoted {
			promotions = n.promoted
		} else {
			demotions = n.demoted
		}
	}
	select {
	case errors <- failure:
		return unread[1:]
	case promotions <- at:
	case demotions <- at:
	case <-done:
		return nil
	case <-n.news:
		return unread
	}
	return unread[turn+1:]
}
