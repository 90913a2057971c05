// Package after is a service of go-leader with libelect in its place.
package after

import (
	"context"
	"log"
	"time"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/electredis"
	"github.com/redis/go-redis/v9"
)

func Bill(ctx context.Context, redisClient *redis.Client, start, stop func()) error {
	config, err := electredis.Config(redisClient, &elect.Config{
		Name:          "io.vito.billing",
		Layout:        elect.LayoutGoLeader,
		LockTTL:       5 * time.Second,
		RetryInterval: 2 * time.Second,
	})
	if err != nil {
		return err
	}
	procLeader, err := elect.New(config)
	if err != nil {
		return err
	}
	defer procLeader.Stop()
	promoted, demoted, errored := procLeader.Channels()
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
	return procLeader.Start(ctx)
}
