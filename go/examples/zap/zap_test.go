package zap

import (
	"context"
	"testing"

	"github.com/libelect/libelect/go/elect"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestElectionsLogToZap(t *testing.T) {
	t.Setenv("LEADER_ELECTION_STORE", "memory:")
	t.Setenv("LEADER_ELECTION_NAME", "billing")
	core, logs := observer.New(zapcore.InfoLevel)
	lines := make(chan zapcore.Entry, 100)
	logger := zap.New(core, zap.Hooks(func(line zapcore.Entry) error {
		lines <- line
		return nil
	}))
	config, err := Config(logger)
	if err != nil {
		t.Fatal(err)
	}
	election, err := elect.New(config)
	if err != nil {
		t.Fatal(err)
	}
	won := make(chan struct{})
	election.OnBecomeLeader(func() {
		close(won)
		panic("of a callback")
	})
	go func() {
		<-won
		_ = election.Stop()
	}()
	if err := election.Start(context.Background()); err != nil {
		t.Fatal(err)
	}

	ofPanic, ofElection := false, false
	for !ofPanic || !ofElection {
		switch line := <-lines; {
		case line.LoggerName != "elect" || line.Level < zapcore.InfoLevel:
			t.Error(line)
		case line.Level == zapcore.ErrorLevel && line.Message == "elect: a panic was caught":
			ofPanic = true
		default:
			ofElection = true
		}
	}
	if logs.FilterField(zap.String("election", "billing")).Len() == 0 || logs.FilterFieldKey("panic").Len() != 1 {
		t.Error(logs.AllUntimed())
	}
}
