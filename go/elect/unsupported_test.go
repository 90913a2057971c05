//go:build !linux

package elect_test

import (
	"errors"
	"testing"

	"github.com/libelect/libelect/go/elect"
)

func TestUnsupported(t *testing.T) {
	config := elect.DefaultConfig()
	config.Store, config.Name = "memory:", "job"
	_, ofNew := elect.New(config)
	_, ofOpen := elect.Open(config)
	_, ofEnv := elect.ConfigFromEnv()
	_, _, ofConstructor := elect.NewLeaderElection(config)
	for _, err := range []error{ofNew, ofOpen, ofEnv, ofConstructor, config.Validate()} {
		if err != elect.ErrUnsupported || !errors.Is(err, errors.ErrUnsupported) {
			t.Error(err)
		}
	}
}
