package elect_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
)

// A register is what a Store promises: one value a key, with compare-and-set.
type register struct {
	careless bool // writes whatever version there is

	mu       sync.Mutex
	values   map[string][2]string // and versions
	versions int
}

func (r *register) read(key string) (value, version string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.values[key][0], r.values[key][1]
}

func (r *register) write(key, value, version string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.values[key][1] != version && !r.careless {
		return "", elect.ErrConflict
	}
	r.versions++
	next := fmt.Sprint(r.versions)
	r.values[key] = [2]string{value, next}
	return next, nil
}

// A session is one candidate's way to the register, on which all may happen that a Store may do.
type session struct {
	*register
	cut atomic.Bool // nothing comes through until it is false again, and what was on its way comes late

	mu   sync.Mutex
	draw *rand.Rand
}

var errLost = errors.New("no answer")

const (
	faultTTL  = 400 * time.Millisecond
	faultFree = 0.7 // of all operations nothing happens to so many
)

func (s *session) number() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draw.Float64()
}

// way waits as long as a network takes, also when nobody waits for it any more.
func (s *session) way() {
	if s.number() > faultFree {
		time.Sleep(time.Duration(s.number() * float64(faultTTL) / 3))
	}
	for s.cut.Load() {
		time.Sleep(time.Millisecond)
	}
}

// fault is what happens besides: nil, an error that says nothing, or a panic.
func (s *session) fault() error {
	number := s.number()
	if number > 0.98 {
		panic("the client of the store is broken")
	}
	if number > 0.9 {
		return errLost
	}
	return nil
}

func (s *session) Read(_ context.Context, key string) (value, version string, err error) {
	s.way()
	value, version = s.read(key)
	return value, version, s.fault()
}

func (s *session) Write(_ context.Context, key, value, version string) (string, error) {
	if s.cut.Load() && s.number() < 0.5 {
		return "", elect.ErrUnreachable
	}
	if err := s.fault(); err != nil {
		return "", err // not applied, which nobody knows
	}
	s.way()
	next, err := s.write(key, value, version)
	if lost := s.fault(); lost != nil {
		return "", lost // applied, or not
	}
	s.way()
	return next, err
}

// A witness hears who says that it leads, and when.
type witness struct {
	highest atomic.Uint64 // epoch of an answer that had returned
	terms   atomic.Int32

	mu    sync.Mutex
	owner map[uint64]string
	wrong []string
}

// ask has a leader say whether it leads, before it is heard of: nobody of a higher epoch may have said so before.
func (w *witness) ask(id string, term elect.Term) {
	highest := w.highest.Load()
	if term.Check() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.highest.Load() < term.Epoch {
		w.highest.Store(term.Epoch)
	}
	if w.owner[term.Epoch] == "" {
		w.owner[term.Epoch] = id
		w.terms.Add(1)
	}
	if term.Epoch < highest || w.owner[term.Epoch] != id {
		w.wrong = append(w.wrong, fmt.Sprintf("%s leads in epoch %d of %s, after %d", id, term.Epoch, w.owner[term.Epoch], highest))
	}
}

func (w *witness) violations() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wrong
}

// ordeal has three candidates stand over one register, and cuts off whoever leads for longer than the lease, until enough
// says that this is enough. It answers what must not be.
func ordeal(t *testing.T, shared *register, enough func(*witness) bool) []string {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	draw := rand.New(rand.NewSource(seed))
	heard := &witness{owner: map[uint64]string{}}
	ctx, cancel := context.WithCancel(context.Background())
	leaders := make(chan *session)
	var ended sync.WaitGroup
	defer ended.Wait()
	defer cancel()
	for i := int64(1); i <= 3; i++ {
		way := &session{register: shared, draw: rand.New(rand.NewSource(seed + i))}
		election, err := elect.New(&elect.Config{
			Store: "custom:?bootstrap=now", CustomStore: way, Name: "job", LockTTL: faultTTL,
			Logger: quiet(), LogLevel: "off",
		})
		check(t, err)
		ended.Add(1)
		go func() {
			defer ended.Done()
			_ = election.Run(ctx, func(ctx context.Context, term elect.Term) error {
				for ; ctx.Err() == nil; time.Sleep(100 * time.Microsecond) {
					heard.ask(election.GetInstanceID(), term)
					select {
					case leaders <- way:
					default:
					}
				}
				return nil
			})
		}()
	}
	for late := time.After(hang); !enough(heard); {
		select {
		case way := <-leaders:
			time.Sleep(time.Duration(draw.Int63n(int64(faultTTL))))
			way.cut.Store(true)
			time.Sleep(faultTTL + time.Duration(draw.Int63n(int64(faultTTL))))
			way.cut.Store(false)
		case <-late:
			t.Fatalf("not enough happens within %v", hang)
		}
	}
	return heard.violations()
}

func TestStoreThatFails(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	t.Run("has one leader", func(t *testing.T) {
		t.Parallel()
		shared := &register{values: map[string][2]string{}}
		for _, wrong := range ordeal(t, shared, func(heard *witness) bool { return heard.terms.Load() >= 6 }) {
			t.Error(wrong)
		}
	})
	t.Run("has two without compare-and-set", func(t *testing.T) { // so this can fail
		t.Parallel()
		shared := &register{values: map[string][2]string{}, careless: true}
		ordeal(t, shared, func(heard *witness) bool { return len(heard.violations()) > 0 })
	})
}
