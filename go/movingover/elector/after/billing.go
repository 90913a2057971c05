// Package after is a service of the Elector with libelect in its place.
package after

import (
	"context"
	"log"
	"log/slog"
	"time"

	"github.com/libelect/libelect/go/elect"
)

func Bill(ctx context.Context, store string, logger *slog.Logger, due <-chan int, bill func(item int, epoch uint64)) error {
	elector, err := elect.New(&elect.Config{
		Store:   store, // redis://redis.example
		Name:    "billing",
		Layout:  elect.LayoutElector,
		LockTTL: 10 * time.Second,
		Logger:  logger,
	})
	if err != nil {
		return err
	}
	defer elector.Stop()
	elector.OnBecomeLeader(func() { log.Print("elected: ", elector.GetInstanceID()) })
	elector.OnLoseLeadership(func() { log.Print("demoted") })
	if err := elector.Begin(ctx); err != nil {
		return err
	}
	for item := range due {
		if err := elector.Check(ctx); err != nil {
			leader, _ := elector.GetLeaderID() // "" where the store doesn't say
			log.Print("left to ", leader)
			continue
		}
		bill(item, elector.Epoch())
	}
	return nil
}

// BillByTerms has an epoch that is that of its work, and a context that ends with it.
func BillByTerms(ctx context.Context, elector *elect.Election, due <-chan int, bill func(item int, epoch uint64)) error {
	return elector.Run(ctx, func(ctx context.Context, term elect.Term) error {
		for {
			select {
			case item, more := <-due:
				if !more {
					return nil
				}
				bill(item, term.Epoch)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	})
}
