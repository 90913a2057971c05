// service is an HTTP service of which any number of instances may run. All of them answer requests; one, the leader, has a
// job besides. The environment configures it: LISTEN (":8080") and the options of libelect, of which it needs two:
//
//	LEADER_ELECTION_STORE=redis://redis.example LEADER_ELECTION_NAME=billing service
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/libelect/libelect/go/elect"
)

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	signals, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	address := os.Getenv("LISTEN")
	if address == "" {
		address = ":8080"
	}
	if err := serve(signals, address); err != nil {
		slog.Error("the service ends", "error", err)
		os.Exit(1)
	}
	slog.Info("the service has ended")
}

// serve returns nil after a signal, and what went wrong otherwise.
func serve(signals context.Context, address string) error {
	config, err := elect.ConfigFromEnv()
	if err != nil {
		return err
	}
	election, err := elect.New(config)
	if err != nil {
		return err
	}
	defer election.Stop()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	slog.Info("listening", "address", listener.Addr().String())

	ctx, end := context.WithCancelCause(signals)
	defer end(nil)
	server := &http.Server{Handler: routes(election), ReadHeaderTimeout: 5 * time.Second}
	go func() { end(server.Serve(listener)) }()
	led := make(chan struct{})
	go func() {
		defer close(led)
		end(election.Run(ctx, job))
	}()

	<-ctx.Done()
	limited, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	unfinished := server.Shutdown(limited) // requests under way are finished
	<-led                                  // the job has ended, and another instance may lead
	if signals.Err() != nil {
		return unfinished
	}
	return context.Cause(ctx)
}

func routes(election elect.LeaderElection) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "Hello from", election.GetInstanceID())
	})
	// For people and monitoring. It is no liveness probe: it fails when nobody leads, which no restart of this instance mends.
	mux.Handle("/health", elect.HealthHandler(election))
	mux.HandleFunc("/live", func(http.ResponseWriter, *http.Request) {})
	return mux
}

// job is the leader's. It returns when ctx ends, after what it has begun; the next leader waits for that.
func job(ctx context.Context, term elect.Term) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for term.Check() == nil {
		slog.Info("the job runs", "epoch", term.Epoch) // guarded by the epoch where it writes
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
	return elect.ErrNotLeader
}
