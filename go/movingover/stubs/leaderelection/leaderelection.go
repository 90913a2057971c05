// Package leaderelection stands for the one of that name whose source is not published: it has the signatures of its
// documents, and does nothing.
package leaderelection

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

type Config struct {
	RedisKeyName      string
	RedisInfoKeyName  string
	LockTTL           time.Duration
	HeartbeatInterval time.Duration
	RetryInterval     time.Duration
	InstanceID        string
	Hostname          string
}

func DefaultConfig() *Config { return &Config{} }

type LeaderInfo struct {
	InstanceID    string    `json:"instance_id"`
	Hostname      string    `json:"hostname"`
	StartedAt     time.Time `json:"started_at"`
	LastHeartbeat time.Time `json:"last_heartbeat"`
}

type LeaderElection interface {
	Start(ctx context.Context) error
	IsLeader() bool
	GetLeaderID() (string, error)
	GetLeaderInfo() (*LeaderInfo, error)
	OnBecomeLeader(callback func())
	OnLoseLeadership(callback func())
	Stop() error
	GetInstanceID() string
}

func NewRedisLeaderElection(*Config, redis.UniversalClient, *zap.Logger) (LeaderElection, error) {
	return nil, errors.ErrUnsupported
}
