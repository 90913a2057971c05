package elect

import (
	"context"
	"errors"
	"log/slog"
)

// Run stands in the election and calls work while this candidate leads. work's context ends with the term; context.Cause
// of it is then a *LostError, or the cause of ctx. What becomes of Run when work returns:
//
//   - nil while the term lasts: the work is done; Run resigns, stops and returns nil.
//   - An error while the term lasts: Run resigns, stops and returns it. With Config.KeepStanding it logs the error, resigns,
//     and stands again after a retry interval.
//   - Anything after the term was lost: Run stands again.
//   - When ctx has ended, leadership is kept for at most DrainTimeout until work returns. Run returns ctx's cause.
//   - After Stop: nil.
//   - In these three, an error that tells something else than that the term, or ctx, is over is logged.
//   - A panic of work goes on through Run, once leadership is released.
//
// An observer never leads: Run answers ErrState, and begins nothing.
//
// A term begins only after the function of the one before has returned: two never run at once in one process.
func (e *Election) Run(ctx context.Context, work func(ctx context.Context, term Term) error) error {
	if err := e.mayLead(); err != nil {
		return err
	}
	if err := e.Begin(ctx); err != nil {
		return err
	}
	for {
		won, err := e.claim(ctx)
		if won == nil {
			return firstError(err, e.finish())
		}
		if over, err := e.lead(ctx, won, work); over {
			return err
		}
	}
}

// claim waits for a term that nobody works in; nil when the election has ended, with ctx's cause if that ended it.
func (e *Election) claim(ctx context.Context) (*claimed, error) {
	for {
		changed := e.watch()
		if won := e.claimNow(ctx); won != nil {
			return won, nil
		}
		select {
		case <-changed:
		case <-e.done:
			return nil, context.Cause(ctx)
		}
	}
}

// claimed is a term that holds its release until release is called.
type claimed struct {
	Term
	release func()
}

func (e *Election) claimNow(ctx context.Context) *claimed {
	e.mu.Lock()
	defer e.mu.Unlock()
	won := e.term
	if won == nil || won.end != nil || ctx.Err() != nil || !e.IsLeader() {
		return nil // if it is over already, its LOST comes
	}
	parent := ctx
	ctx, cancel := context.WithCancelCause(parent)
	won.end = func(cause error) {
		if parent.Err() != nil { // it stopped the election, whose end may be told here before the parent's
			cause = context.Cause(parent)
		}
		cancel(cause)
	}
	won.holds++
	return &claimed{Term{won.epoch, e, ctx}, func() {
		won.end(nil)
		e.letGo(won)
	}}
}

// lead runs work in a term. over: Run is, too.
func (e *Election) lead(ctx context.Context, won *claimed, work func(context.Context, Term) error) (over bool, err error) {
	returned := false
	defer func() {
		if !returned { // it panics, or ends its goroutine: that goes on when this is done
			e.ask()
			won.release()
			_ = e.finish()
		}
	}()
	err = e.call(won, work)
	returned = true
	lasts := won.Check() == nil
	switch {
	case err == nil:
	case lasts && e.keep:
		_ = won.Resign(e.time("retry_interval"))
		lasts = false
		e.tellFailure(slog.LevelError, "elect: the leader's work failed, standing again", won, err)
	case !lasts && !saysItIsOver(err, won.ctx):
		e.tellFailure(slog.LevelWarn, "elect: the leader's work failed after its term", won, err)
	}
	if lasts {
		e.ask()
	}
	won.release()
	if ctx.Err() != nil {
		return true, firstError(context.Cause(ctx), e.finish())
	}
	if lasts {
		return true, firstError(err, e.finish())
	}
	return false, nil
}

func (e *Election) tellFailure(level slog.Level, text string, won *claimed, err error) {
	e.client.say(level, text, slog.String("election", e.Name()), slog.Uint64("epoch", won.Epoch), slog.Any("error", err))
}

func saysItIsOver(err error, ctx context.Context) bool {
	return errors.Is(err, ErrNotLeader) || errors.Is(err, context.Canceled) || ctx.Err() != nil && errors.Is(err, context.Cause(ctx))
}

func firstError(one, other error) error {
	if one != nil {
		return one
	}
	return other
}

func (e *Election) call(won *claimed, work func(context.Context, Term) error) error {
	defer e.client.enter()()
	return work(won.ctx, won.Term)
}
