// Package locks is the step of a fleet's move in which a copy works only while it has the new lock and the old one.
package locks

import (
	"context"

	"github.com/libelect/libelect/go/elect"
)

func BothLocks(ctx context.Context, newLock, oldLock *elect.Config,
	work func(ctx context.Context, newTerm, oldTerm elect.Term) error) error {
	outer, err := elect.New(newLock)
	if err != nil {
		return err
	}
	return outer.Run(ctx, func(ctx context.Context, newTerm elect.Term) error {
		inner, err := elect.New(oldLock)
		if err != nil {
			return err
		}
		return inner.Run(ctx, func(ctx context.Context, oldTerm elect.Term) error {
			return work(ctx, newTerm, oldTerm)
		})
	})
}
