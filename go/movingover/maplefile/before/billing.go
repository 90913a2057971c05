// Package before is a service of MapleFile's leaderelection: but for an import line, it is the same before and after.
package before

import (
	"context"
	"time"

	"github.com/libelect/libelect/go/movingover/stubs/leaderelection"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

func Bill(ctx context.Context, redisClient *redis.Client, logger *zap.Logger) error {
	config := leaderelection.DefaultConfig()
	config.RedisKeyName = "billing:leader"
	config.RedisInfoKeyName = "billing:leader:info"
	config.LockTTL = 5 * time.Second
	config.HeartbeatInterval = 1500 * time.Millisecond
	election, err := leaderelection.NewRedisLeaderElection(config, redisClient, logger)
	if err != nil {
		return err
	}
	defer election.Stop()
	election.OnBecomeLeader(func() { logger.Info("billing starts") })
	election.OnLoseLeadership(func() { logger.Info("billing stops") })
	return election.Start(ctx)
}
