// Package zap has elections log to a zap logger, by slog's bridge.
package zap

import (
	"log/slog"

	"github.com/libelect/libelect/go/elect"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
)

// Config is what the environment says, with this logger. What it does not take is not made.
func Config(logger *zap.Logger) (*elect.Config, error) {
	config, err := elect.ConfigFromEnv()
	if err != nil {
		return nil, err
	}
	config.Logger = slog.New(zapslog.NewHandler(logger.Core(), zapslog.WithName("elect")))
	return config, nil
}
