// Package election stands for the Elector's, whose source is not published: it has the signatures of its documents, and
// does nothing.
package election

import (
	"context"
	"errors"
	"time"
)

type Elector struct {
	OnElected func()
	OnDemoted func()
}

type ElectorConfig struct {
	RDB    any // rueidis.Client
	Prefix string
	NodeID string
	TTL    time.Duration
	Logger any // gochainedlog.Logger
}

func GenerateNodeID() string { return "" }

func NewElector(ElectorConfig) *Elector { return &Elector{} }

func (*Elector) Start(context.Context) error    { return errors.ErrUnsupported }
func (*Elector) Stop() error                    { return nil }
func (*Elector) IsLeader(context.Context) error { return errors.ErrUnsupported }
func (*Elector) Epoch() uint64                  { return 0 }
func (*Elector) LeaderID() string               { return "" }
func (*Elector) NodeID() string                 { return "" }
