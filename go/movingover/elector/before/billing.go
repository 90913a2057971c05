// Package before is a service of the Elector.
package before

import (
	"context"
	"log"
	"time"

	"github.com/libelect/libelect/go/movingover/stubs/election"
)

func Bill(ctx context.Context, rdb, logger any, due <-chan int, bill func(item int, epoch uint64)) error {
	elector := election.NewElector(election.ElectorConfig{
		RDB:    rdb,
		Prefix: "billing",
		NodeID: election.GenerateNodeID(),
		TTL:    10 * time.Second,
		Logger: logger,
	})
	elector.OnElected = func() { log.Print("elected: ", elector.NodeID()) }
	elector.OnDemoted = func() { log.Print("demoted") }
	if err := elector.Start(ctx); err != nil {
		return err
	}
	defer elector.Stop()
	for item := range due {
		if err := elector.IsLeader(ctx); err != nil {
			log.Print("left to ", elector.LeaderID())
			continue
		}
		bill(item, elector.Epoch())
	}
	return nil
}
