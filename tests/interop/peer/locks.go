package main

import (
	"context"
	"errors"
	"time"

	"github.com/bsm/redislock"
	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/heyvito/go-leader/leader"
	"github.com/redis/go-redis/v9"
)

// A lock is what redislock, redsync and the two stand-ins are to a user's loop. Times are those before the request.
type lock interface {
	// obtain answers true when it has it; false when another has. It may wait and try by itself.
	obtain(ctx context.Context) (bool, int64, error)
	refresh(ctx context.Context) (bool, error)
	release(ctx context.Context) error
}

// campaign is the loop that users of such locks write: obtain, refresh until that fails or the time is over, again.
func campaign(ctx context.Context, l lock, s settings, tell *teller) {
	for ctx.Err() == nil {
		sent := nanoseconds()
		held, epoch, err := l.obtain(ctx)
		pause := s.retry
		if err != nil && ctx.Err() == nil {
			failed("obtain", err)
			pause = s.ttl / 5
		}
		if held {
			tell.elected(epoch)
			lead(ctx, l, s, tell, sent+int64(s.ttl))
		} else if !wait(ctx, pause) {
			return
		}
	}
}

func lead(ctx context.Context, l lock, s settings, tell *teller, until int64) {
	for wait(ctx, s.renew) {
		sent := nanoseconds()
		within, cancel := context.WithTimeout(ctx, time.Duration(until-sent))
		held, err := l.refresh(within)
		cancel()
		if ctx.Err() != nil {
			break
		}
		if err != nil || !held || nanoseconds() >= until {
			if err != nil {
				failed("refresh", err)
			}
			tell.lost(until)
			return
		}
		until = sent + int64(s.ttl)
	}
	if err := l.release(context.Background()); err != nil {
		failed("release", err)
	}
}

// redislock: Obtain with its LinearBackoff, Refresh, Release. Obtain gives up after a TTL; the loop calls it again.
type redislockLock struct {
	client *redislock.Client
	s      settings
	held   *redislock.Lock
}

func (l *redislockLock) obtain(ctx context.Context) (bool, int64, error) {
	options := &redislock.Options{RetryStrategy: redislock.LinearBackoff(l.s.retry), Token: l.s.id}
	held, err := l.client.Obtain(ctx, l.s.key, l.s.ttl, options)
	if errors.Is(err, redislock.ErrNotObtained) || errors.Is(err, context.DeadlineExceeded) {
		return false, 0, nil
	}
	l.held = held
	return err == nil, 0, err
}

func (l *redislockLock) refresh(ctx context.Context) (bool, error) {
	err := l.held.Refresh(ctx, l.s.ttl, nil)
	if errors.Is(err, redislock.ErrNotObtained) {
		return false, nil
	}
	return err == nil, err
}

func (l *redislockLock) release(ctx context.Context) error {
	return l.held.Release(ctx)
}

func runRedislock(ctx context.Context, client *redis.Client, s settings, tell *teller) {
	if s.retry == 0 {
		s.retry = s.ttl / 5
	}
	pause := s
	pause.retry = 0 // Obtain has just waited
	campaign(ctx, &redislockLock{client: redislock.New(client), s: s}, pause, tell)
}

// redsync: Lock, which tries 32 times at its own random pauses unless told otherwise, Extend, Unlock.
type redsyncLock struct {
	mutex *redsync.Mutex
}

func (l redsyncLock) obtain(ctx context.Context) (bool, int64, error) {
	err := l.mutex.LockContext(ctx)
	var taken *redsync.ErrTaken
	if errors.As(err, &taken) || errors.Is(err, redsync.ErrFailed) {
		return false, 0, nil
	}
	return err == nil, 0, err
}

func (l redsyncLock) refresh(ctx context.Context) (bool, error) {
	return l.mutex.ExtendContext(ctx)
}

func (l redsyncLock) release(ctx context.Context) error {
	_, err := l.mutex.UnlockContext(ctx)
	return err
}

func runRedsync(ctx context.Context, client *redis.Client, s settings, tell *teller) {
	options := []redsync.Option{redsync.WithExpiry(s.ttl)}
	if s.retry != 0 {
		options = append(options, redsync.WithRetryDelay(s.retry))
	} else {
		s.retry = 50 * time.Millisecond
	}
	campaign(ctx, redsyncLock{redsync.New(goredis.NewPool(client)).NewMutex(s.key, options...)}, s, tell)
}

// go-leader renews at half of its TTL, and does not say when it tries.
func runGoLeader(ctx context.Context, client *redis.Client, s settings, tell *teller) {
	if s.retry == 0 {
		s.retry = s.ttl / 5
	}
	one, promoted, demoted, errored := leader.NewLeader(leader.Opts{Redis: client, TTL: s.ttl, Wait: s.retry, Key: s.key})
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-promoted:
				tell.elected(0)
			case <-demoted:
				tell.lost(nanoseconds())
			case err := <-errored:
				failed("go-leader", err)
			case <-ended:
				return
			}
		}
	}()
	one.Start()
	<-ctx.Done()
	if err := one.Stop(); err != nil {
		failed("stop", err)
	}
	close(ended)
}
