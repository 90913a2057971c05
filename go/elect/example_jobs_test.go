package elect_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/libelect/libelect/go/elect"
)

// Jobs that only the leader runs: each gets the term's context, and Run's function returns when they have. So they have
// ended before anybody else leads.
func Example_backgroundJobs() {
	ctx, shutdown := context.WithCancel(context.Background())
	var once sync.Once
	sendMails := func(context.Context) { once.Do(shutdown) } // a rolling update, say
	expireSessions := func(ctx context.Context) { <-ctx.Done() }

	election, err := elect.New(&elect.Config{Store: "memory:", Name: "jobs"})
	if err != nil {
		log.Fatal(err)
	}
	err = election.Run(ctx, func(ctx context.Context, _ elect.Term) error {
		var running sync.WaitGroup
		for _, job := range []func(context.Context){sendMails, expireSessions} {
			running.Add(1)
			go func(job func(context.Context)) {
				defer running.Done()
				for ctx.Err() == nil {
					job(ctx)
				}
			}(job)
		}
		running.Wait()
		fmt.Println("the jobs have ended")
		return nil
	})
	fmt.Println("Run:", err)
	// Output:
	// the jobs have ended
	// Run: context canceled
}

// What the leader has in memory, filled at the beginning of a term and dropped at its end. A slow OnBecomeLeader delays no
// lease; the next leader begins after OnLoseLeadership has returned.
func Example_cacheWarming() {
	var cache sync.Map
	warmed := make(chan struct{})

	election, err := elect.New(&elect.Config{Store: "memory:", Name: "prices"})
	if err != nil {
		log.Fatal(err)
	}
	election.OnBecomeLeader(func() {
		cache.Store("tea", 250)
		fmt.Println("warm")
		close(warmed)
	})
	election.OnLoseLeadership(func() {
		cache.Delete("tea")
		fmt.Println("dropped")
	})
	go func() { _ = election.Start(context.Background()) }()

	<-warmed
	price, _ := cache.Load("tea")
	fmt.Println("tea:", price)
	if err := election.Stop(); err != nil { // returns after OnLoseLeadership has
		log.Fatal(err)
	}
	// Output:
	// warm
	// tea: 250
	// dropped
}

// A loop that every instance has, and whose work is the leader's. IsLeader costs no request, so it stands before each piece
// of work, not before the loop.
func Example_metricsAggregation() {
	election, err := elect.New(&elect.Config{Store: "memory:", Name: "metrics"})
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = election.Start(context.Background()) }()

	ticker := time.NewTicker(time.Millisecond) // a minute, in a service
	defer ticker.Stop()
	for sent := 0; sent < 3; <-ticker.C {
		if election.IsLeader() {
			sent++
			fmt.Println("aggregated and sent")
		}
	}
	if err := election.Stop(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// aggregated and sent
	// aggregated and sent
	// aggregated and sent
}

// Long work in small pieces: a leader that was paused or cut off notices between two of them. What fails is returned: Run
// steps down, so that another instance may try, and returns it.
func Example_cleanup() {
	full := errors.New("the disk is full")
	purge := func(batch int) error {
		if batch == 3 {
			return full
		}
		fmt.Println("purged batch", batch)
		return nil
	}

	election, err := elect.New(&elect.Config{Store: "memory:", Name: "cleanup"})
	if err != nil {
		log.Fatal(err)
	}
	err = election.Run(context.Background(), func(_ context.Context, term elect.Term) error {
		for batch := 1; batch <= 5; batch++ {
			if err := term.Check(); err != nil {
				return err // the next leader goes on
			}
			if err := purge(batch); err != nil {
				return fmt.Errorf("batch %d: %w", batch, err)
			}
		}
		return nil
	})
	fmt.Println(errors.Is(err, full), err)
	// Output:
	// purged batch 1
	// purged batch 2
	// true batch 3: the disk is full
}

// A cron that runs on the leader. Leadership alone does not make a run happen once: a leader may die after the run, and the
// next one finds the same minute due. So what ran is written down where the work goes, and a run claims its time there first.
func Example_cron() {
	runs := &schedule{}
	minutes := make(chan int) // time.Timer's, in a service
	go func() {
		defer close(minutes)
		for _, minute := range []int{1, 2, 2, 3} {
			minutes <- minute
		}
	}()

	election, err := elect.New(&elect.Config{Store: "memory:", Name: "reports"})
	if err != nil {
		log.Fatal(err)
	}
	err = election.Run(context.Background(), func(ctx context.Context, term elect.Term) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case minute, more := <-minutes:
				if !more {
					return nil
				}
				if term.Check() == nil && runs.claim(minute) {
					fmt.Println("report of minute", minute)
				}
			}
		}
	})
	fmt.Println(err)
	// Output:
	// report of minute 1
	// report of minute 2
	// report of minute 3
	// <nil>
}

// schedule stands for a row: UPDATE cron SET last = :minute WHERE name = 'reports' AND last < :minute.
type schedule struct {
	mu   sync.Mutex
	last int
}

func (s *schedule) claim(minute int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if minute <= s.last {
		return false
	}
	s.last = minute
	return true
}
