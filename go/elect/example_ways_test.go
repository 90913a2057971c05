package elect_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strconv"
	"sync"

	"github.com/libelect/libelect/go/elect"
)

// A loop of one's own. Channels hold no release: who must finish work before another instance leads uses Run or callbacks.
func ExampleElection_Channels() {
	election, err := elect.New(&elect.Config{Store: "memory:", Name: "billing"})
	if err != nil {
		log.Fatal(err)
	}
	promoted, demoted, errored := election.Channels()
	go func() { _ = election.Start(context.Background()) }()
	for over := false; !over; {
		select {
		case <-promoted:
			fmt.Println("promoted")
			if err := election.Stop(); err != nil { // a shutdown, say; the demotion follows
				log.Fatal(err)
			}
		case <-demoted:
			fmt.Println("demoted")
			over = true
		case err := <-errored:
			log.Print(err) // after the demotion that it caused, if any
		}
	}
	// Output:
	// promoted
	// demoted
}

// An observer hears who leads and never leads itself.
func ExampleElection_Observe() {
	client, err := elect.Open(&elect.Config{Store: "memory:", Name: "billing"})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	candidate, err := client.New(&elect.Config{InstanceID: "instance-1", Address: "10.0.0.7:8080"})
	if err != nil {
		log.Fatal(err)
	}
	observer, err := client.New(&elect.Config{Role: elect.Observer})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = candidate.Start(ctx) }()
	if err := candidate.WaitElected(ctx); err != nil {
		log.Fatal(err)
	}

	go func() { _ = observer.Start(ctx) }()
	for leader := range observer.Observe(ctx) {
		if leader.Nobody() {
			fmt.Println("nobody leads")
			break
		}
		fmt.Println(leader.InstanceID, "leads, at", leader.Address)
		go candidate.Stop()
	}
	// Output:
	// instance-1 leads, at 10.0.0.7:8080
	// nobody leads
}

// Work that has begun can outlive its term: a process was frozen between its last question and its write. The epoch goes
// along with each write, and what is written to refuses an older one than it has seen.
func ExampleTerm_fencing() {
	accounts := &table{}
	election, err := elect.New(&elect.Config{Store: "memory:", Name: "billing"})
	if err != nil {
		log.Fatal(err)
	}
	var late uint64 // the epoch of a leader that does not know yet that it is none
	err = election.Run(context.Background(), func(ctx context.Context, term elect.Term) error {
		if late == 0 {
			fmt.Println("first term:", accounts.put(term.Epoch, "paid up to 4700"))
			late = term.Epoch
			if err := term.Resign(0); err != nil {
				return err
			}
			<-ctx.Done()
			var lost *elect.LostError
			fmt.Println("ended:", errors.As(context.Cause(ctx), &lost) && lost.Reason == elect.ReasonResigned)
			return nil // after the loss: Run stands again
		}
		fmt.Println("second term:", accounts.put(term.Epoch, "paid up to 4711"))
		fmt.Println("late write:", accounts.put(late, "paid up to 4700"))
		return nil
	})
	fmt.Println(accounts.value, err)
	// Output:
	// first term: <nil>
	// ended: true
	// second term: <nil>
	// late write: fenced: a later term has written
	// paid up to 4711 <nil>
}

// table stands for UPDATE job SET value = :value, epoch = :epoch WHERE name = :name AND epoch <= :epoch.
type table struct {
	mu    sync.Mutex
	epoch uint64
	value string
}

func (t *table) put(epoch uint64, value string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if epoch < t.epoch {
		return errors.New("fenced: a later term has written")
	}
	t.epoch, t.value = epoch, value
	return nil
}

// rows is a store of one's own: a table with the columns key, value and version, whose versions are never used again.
type rows struct {
	mu      sync.Mutex
	values  map[string]string
	version map[string]int
}

func (r *rows) Read(_ context.Context, key string) (value, version string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.version[key] == 0 {
		return "", "", nil
	}
	return r.values[key], strconv.Itoa(r.version[key]), nil
}

func (r *rows) Write(_ context.Context, key, value, version string) (next string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.version[key]; version != strconv.Itoa(now) && (version != "" || now != 0) {
		return "", elect.ErrConflict
	}
	r.values[key] = value
	r.version[key]++
	return strconv.Itoa(r.version[key]), nil
}

// A register with compare-and-set is enough. bootstrap=now is for a store that has never held this election; without it the
// first leader waits one LockTTL.
func ExampleStore() {
	election, err := elect.New(&elect.Config{
		Store:       "custom:?bootstrap=now",
		CustomStore: &rows{values: map[string]string{}, version: map[string]int{}},
		Name:        "billing",
	})
	if err != nil {
		log.Fatal(err)
	}
	err = election.Run(context.Background(), func(_ context.Context, term elect.Term) error {
		fmt.Println("leads:", term.Check() == nil)
		return nil
	})
	fmt.Println(err)
	// Output:
	// leads: true
	// <nil>
}

// For Wire: a provider set is wire.NewSet(elect.ConfigFromEnv, elect.NewLeaderElection).
func ExampleNewLeaderElection() {
	election, cleanup, err := elect.NewLeaderElection(&elect.Config{Store: "memory:", Name: "billing", InstanceID: "a"})
	if err != nil {
		log.Fatal(err)
	}
	defer cleanup()
	fmt.Println(election.GetInstanceID(), election.IsLeader())
	// Output: a false
}
