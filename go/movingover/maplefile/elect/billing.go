// Package elect is the same service without the package that has the old names.
package elect

import (
	"context"
	"log/slog"
	"time"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/electredis"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
)

func Bill(ctx context.Context, redisClient *redis.Client, logger *zap.Logger) error {
	config, err := electredis.Config(redisClient, &elect.Config{
		Name:    "billing",
		Layout:  elect.LayoutMapleFile,
		LockKey: "billing:leader",
		InfoKey: "billing:leader:info",
		LockTTL: 5 * time.Second,
		Logger:  slog.New(zapslog.NewHandler(logger.Core())),
	})
	if err != nil {
		return err
	}
	election, err := elect.New(config)
	if err != nil {
		return err
	}
	defer election.Stop()
	election.OnBecomeLeader(func() { logger.Info("billing starts") })
	election.OnLoseLeadership(func() { logger.Info("billing stops") })
	return election.Start(ctx)
}

// ProvideLeaderElection is for Wire: the application's cleanup stops the election.
func ProvideLeaderElection(redisClient *redis.Client, logger *zap.Logger) (elect.LeaderElection, func(), error) {
	config, err := electredis.Config(redisClient, &elect.Config{
		Name:    "billing",
		Layout:  elect.LayoutMapleFile,
		LockTTL: 5 * time.Second,
		Logger:  slog.New(zapslog.NewHandler(logger.Core())),
	})
	if err != nil {
		return nil, nil, err
	}
	return elect.NewLeaderElection(config)
}
