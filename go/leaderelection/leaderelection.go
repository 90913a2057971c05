// Package leaderelection has the names and signatures of MapleFile's package of that name, over libelect: moving is an
// import line. Old and new copies stand in one election, since lock and info are the same keys with the same values.
//
// What NewRedisLeaderElection makes is an *elect.Election; package elect says what else that can do.
package leaderelection

import (
	"log/slog"
	"math"
	"time"
	"unicode/utf8"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/electredis"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
)

// LeaderElection is elect's, whose documentation says what each method does.
type LeaderElection = elect.LeaderElection

// LeaderInfo is what is known of a leader.
type LeaderInfo = elect.LeaderInfo

// Config is what can be set; a field of zero value means the default.
type Config struct {
	RedisKeyName      string        // the lock's key; "maplefile:leader:lock". Its copies are told apart by nothing else
	RedisInfoKeyName  string        // the key of what is told of the leader; "maplefile:leader:info"
	LockTTL           time.Duration // how long the lock lasts without a heartbeat; 10 s
	HeartbeatInterval time.Duration // how often the leader renews it; 0.3 x LockTTL
	RetryInterval     time.Duration // how often a follower looks; 0.2 x LockTTL
	InstanceID        string        // this instance, unlike any other; host name and 16 random hex digits
	Hostname          string        // told to the others; os.Hostname()
}

// DefaultConfig is a Config with the defaults.
func DefaultConfig() *Config {
	return &Config{
		RedisKeyName:      "maplefile:leader:lock",
		RedisInfoKeyName:  "maplefile:leader:info",
		LockTTL:           10 * time.Second,
		HeartbeatInterval: 3 * time.Second,
		RetryInterval:     2 * time.Second,
	}
}

// NewRedisLeaderElection is an election on the server of redisClient, by a connection of its own; electredis.Config says
// which clients can't be had. config may be nil for the defaults, logger for slog.Default(). It does nothing until Start;
// Stop it, also when it was not started: that closes the connection.
func NewRedisLeaderElection(config *Config, redisClient redis.UniversalClient, logger *zap.Logger) (LeaderElection, error) {
	own, err := electredis.Config(redisClient, electConfig(config, logger))
	if err != nil {
		return nil, err
	}
	election, err := elect.New(own)
	if err != nil {
		return nil, err
	}
	return election, nil
}

func electConfig(config *Config, logger *zap.Logger) *elect.Config {
	if config == nil {
		config = DefaultConfig()
	}
	name := config.RedisKeyName
	if name == "" {
		name = DefaultConfig().RedisKeyName
	}
	return &elect.Config{
		Name:              cut(name, longestName), // in logs and reports; nothing is stored under it
		Layout:            elect.LayoutMapleFile,
		LockKey:           config.RedisKeyName,
		InfoKey:           config.RedisInfoKeyName,
		LockTTL:           config.LockTTL,
		HeartbeatInterval: config.HeartbeatInterval,
		RetryInterval:     config.RetryInterval,
		InstanceID:        config.InstanceID,
		Hostname:          config.Hostname,
		Logger:            slogLogger(logger),
	}
}

// A key may be longer than a name.
const longestName = 200

// cut is text's beginning of at most that many bytes, of whole characters.
func cut(text string, bytes int) string {
	if len(text) <= bytes {
		return text
	}
	for bytes > 0 && !utf8.RuneStart(text[bytes]) {
		bytes--
	}
	return text[:bytes]
}

// slogLogger writes to logger's core. A stack is that of a goroutine that only logs, so it takes none.
func slogLogger(logger *zap.Logger) *slog.Logger {
	if logger == nil {
		return nil
	}
	noStack := zapslog.AddStacktraceAt(slog.Level(math.MaxInt))
	return slog.New(zapslog.NewHandler(logger.Core(), zapslog.WithName(logger.Name()), noStack))
}
