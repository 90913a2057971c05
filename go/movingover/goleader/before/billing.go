// Package before is a service of go-leader.
package before

import (
	"context"
	"log"
	"time"

	"github.com/heyvito/go-leader/leader"
	"github.com/redis/go-redis/v9"
)

func Bill(ctx context.Context, redisClient *redis.Client, start, stop func()) {
	procLeader, promoted, demoted, errored := leader.NewLeader(leader.Opts{
		Redis: redisClient,
		TTL:   5 * time.Second,
		Wait:  2 * time.Second,
		Key:   "io.vito.billing",
	})
	go func() {
		for {
			select {
			case <-promoted:
				start()
			case <-demoted:
				stop()
			case err := <-errored:
				log.Print("errored: ", err)
			}
		}
	}()
	procLeader.Start()
	defer procLeader.Stop()
	<-ctx.Done()
}
