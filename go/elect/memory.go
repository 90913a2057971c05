package elect

import (
	"fmt"
	"maps"
	"runtime"
	"time"

	"github.com/libelect/libelect/go/internal/celect"
	"github.com/libelect/libelect/go/internal/scripted"
)

func init() {
	scripted.Command = func(client any, command string, limit time.Duration) error {
		return client.(*Client).command(command, limit)
	}
	scripted.Advance = func(client any, by, limit time.Duration) error {
		return client.(*Client).advance(by, limit)
	}
}

const noTime = "advance 0s"

// advance goes step by step: what is lost on the way holds no longer than its callbacks do.
func (c *Client) advance(by, limit time.Duration) error {
	err := c.command(noTime, limit)
	for err == nil && by > 0 {
		elections := c.running()
		step := by
		for _, election := range elections {
			step = min(step, election.time("lock_ttl")/10)
		}
		before := terms(elections)
		err = c.script(fmt.Sprint("advance ", step))
		by -= step
		if err == nil && (by == 0 || !maps.Equal(before, terms(elections))) {
			err = c.command(noTime, limit)
		}
	}
	return err
}

// terms are the epochs of those that lead.
func terms(elections []*Election) map[*Election]uint64 {
	terms := map[*Election]uint64{}
	for _, election := range elections {
		if epoch := election.Epoch(); election.IsLeader() {
			terms[election] = epoch
		}
	}
	return terms
}

func (c *Client) command(command string, limit time.Duration) error {
	if c.inCallback() {
		return fmt.Errorf("%w: from a callback, whose return would be waited for", ErrState)
	}
	late := time.After(limit)
	err := c.script(command)
	quiet := 0
	for err == nil && quiet < 2 { // callbacks of the first round may have consequences
		before := c.taken.Load()
		if err = c.script(noTime); err == nil {
			err = c.settle(late)
		}
		if quiet++; c.taken.Load() != before+1 { // more than settle's own event
			quiet = 0
		}
	}
	return err
}

func (c *Client) script(command string) error {
	defer runtime.KeepAlive(c)
	return codeError(celect.Memory_command(c.handle, command))
}

// settle waits until what the queue holds now was read, by the end of one more election, and until the callbacks that are
// due have returned.
func (c *Client) settle(late <-chan time.Time) error {
	last, err := c.New(&Config{Name: "settle", Role: Observer})
	if err != nil {
		return err
	}
	last.ask()
	select {
	case <-last.done:
	case <-late:
		return fmt.Errorf("%w: events still come", ErrTimeout)
	}
	for _, election := range c.running() {
		idle := make(chan struct{})
		election.worker.add(c, func() { close(idle) })
		select {
		case <-idle:
		case <-late:
			return fmt.Errorf("%w: a callback of %q has not returned", ErrTimeout, election.Name())
		}
	}
	return nil
}

func (c *Client) running() []*Election {
	c.mu.Lock()
	defer c.mu.Unlock()
	var elections []*Election
	for _, election := range c.elections {
		elections = append(elections, election)
	}
	return elections
}
