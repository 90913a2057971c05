package elect_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/libelect/libelect/go/elect"
)

// Migrations before the service begins to serve. Each instance waits for its turn, one at a time, and leaves the election
// when it is done: so where Run has returned, the schema is current, whoever made it so. To ask IsLeader once and go on as
// a follower would be to serve on a schema that is still being changed.
func Example_migrations() {
	client, err := elect.Open(&elect.Config{Store: "memory:"}) // redis://..., and each instance in its process
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	schema := 0 // in the database
	migrate := func(_ context.Context, term elect.Term) error {
		for schema < 3 {
			if err := term.Check(); err != nil {
				return err
			}
			schema++
			fmt.Println("migrated to", schema)
		}
		return nil
	}

	var instances sync.WaitGroup
	for _, id := range []string{"instance-1", "instance-2", "instance-3"} {
		instances.Add(1)
		go func(id string) {
			defer instances.Done()
			election, err := client.New(&elect.Config{Name: "migrations", InstanceID: id})
			if err != nil {
				log.Fatal(err)
			}
			if err := election.Run(context.Background(), migrate); err != nil {
				log.Fatal(err)
			}
			fmt.Println("serving") // here the HTTP server would be started
		}(id)
	}
	instances.Wait()
	// Unordered output:
	// migrated to 1
	// migrated to 2
	// migrated to 3
	// serving
	// serving
	// serving
}

// A service that ends well on SIGTERM: requests are finished, the leader's work too, and only then another instance leads.
func Example_gracefulShutdown() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	election, err := elect.New(&elect.Config{Store: "memory:", Name: "service"})
	if err != nil {
		log.Fatal(err)
	}
	led := make(chan error, 1)
	go func() {
		led <- election.Run(ctx, func(ctx context.Context, _ elect.Term) error {
			<-ctx.Done() // the leader's work; at its end DrainTimeout is left to tidy up
			fmt.Println("the leader's work has ended")
			return nil
		})
	}()
	if err := election.WaitElected(ctx); err != nil {
		log.Fatal(err)
	}

	server := httptest.NewServer(elect.HealthHandler(election)) // http.Server's ListenAndServe, in a service
	answer, err := http.Get(server.URL + "/health")
	if err != nil {
		log.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	fmt.Println("health:", answer.Status)

	self, _ := os.FindProcess(os.Getpid())
	_ = self.Signal(syscall.SIGTERM) // a rolling update
	<-ctx.Done()
	limited, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Config.Shutdown(limited); err != nil {
		log.Fatal(err)
	}
	<-led
	fmt.Println("leads:", election.IsLeader())
	// Output:
	// health: 200 OK
	// the leader's work has ended
	// leads: false
}

// Three instances on one host. They could as well be processes: a local store is a directory. When the leader stops or
// dies, another one leads at once.
func Example_threeInstances() {
	folder, err := os.MkdirTemp("", "elect")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)

	leads := make(chan *elect.Election, 1)
	var instances sync.WaitGroup
	for _, id := range []string{"instance-1", "instance-2", "instance-3"} {
		election, err := elect.New(&elect.Config{Store: "local:" + folder, Name: "billing", InstanceID: id})
		if err != nil {
			log.Fatal(err)
		}
		election.OnBecomeLeader(func() { leads <- election })
		instances.Add(1)
		go func() {
			defer instances.Done()
			if err := election.Start(context.Background()); err != nil {
				log.Fatal(err)
			}
		}()
	}

	ids, epoch := map[string]bool{}, uint64(0)
	for len(ids) < 3 {
		election := <-leads
		id, err := election.GetLeaderID()
		fmt.Println("the leader:", id == election.GetInstanceID(), err, "of a later term:", election.Epoch() > epoch)
		ids[id], epoch = true, election.Epoch()
		if err := election.Stop(); err != nil {
			log.Fatal(err)
		}
	}
	instances.Wait()
	// Output:
	// the leader: true <nil> of a later term: true
	// the leader: true <nil> of a later term: true
	// the leader: true <nil> of a later term: true
}
