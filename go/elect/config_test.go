//go:build linux

package elect_test

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
)

func TestEachOptionHasAField(t *testing.T) {
	rows, err := elect.OptionRows()
	check(t, err)
	fields := elect.OptionFields()
	for _, row := range rows {
		if !fields[row.Name] {
			t.Errorf("option %s has no field in Config", row.Name)
		}
		delete(fields, row.Name)
	}
	for name := range fields {
		t.Errorf("Config has a field for %s, which is no option", name)
	}
}

func TestDefaultConfig(t *testing.T) {
	config := elect.DefaultConfig()
	expect(t, "Prefix", config.Prefix, "elect")
	expect(t, "LockTTL", config.LockTTL, 10*time.Second)
	expect(t, "DrainTimeout", config.DrainTimeout, 8*time.Second)
	expect(t, "Role", config.Role, elect.Candidate)
	expect(t, "Layout", config.Layout, elect.LayoutElect)
	expect(t, "TLSInsecureSkipVerify", config.TLSInsecureSkipVerify, false)
	expect(t, "what follows from LockTTL", config.HeartbeatInterval, 0)
	config.Store = "memory:"
	check(t, config.Validate())
	config.Name = "job"
	election, err := elect.New(config)
	check(t, err)
	stop(t, election)
}

func TestValidate(t *testing.T) {
	type changes func(*elect.Config)
	for _, test := range []struct {
		change changes
		texts  []string // option, value, rule
	}{
		{func(c *elect.Config) { c.Store = "" }, []string{"store"}},
		{func(c *elect.Config) { c.Store = "nosuch://x" }, []string{"store", "nosuch", "redis:"}},
		{func(c *elect.Config) { c.LockTTL = time.Millisecond }, []string{"lock_ttl", "1ms", "must be from"}},
		{func(c *elect.Config) { c.LockTTL = elect.None }, []string{"lock_ttl", "0s", "must be from"}},
		{func(c *elect.Config) { c.LockTTL = -2 }, []string{"lock_ttl", "-2ns", "not negative"}},
		{func(c *elect.Config) { c.HeartbeatInterval = time.Hour }, []string{"heartbeat_interval", "1h", "lock_ttl"}},
		{func(c *elect.Config) { c.Role = "king" }, []string{"role", "king", "candidate"}},
		{func(c *elect.Config) { c.Layout = "mine" }, []string{"layout", "mine", "maplefile"}},
		{func(c *elect.Config) { c.Name = "a\nb" }, []string{"name", "control characters"}},
		{func(c *elect.Config) { c.Name = "a\x00b" }, []string{"name", "zero byte"}},
		{func(c *elect.Config) { c.Metadata = "\xff" }, []string{"metadata", "UTF-8"}},
		{func(c *elect.Config) { c.TLSMinVersion = "1.1" }, []string{"tls_min_version", "1.1", "1.2"}},
		{func(c *elect.Config) { c.LogLevel = "loud" }, []string{"log_level", "loud", "warn"}},
		{func(c *elect.Config) { c.CustomStore = newShelf() }, []string{"Store", "CustomStore"}},
	} {
		config := &elect.Config{Store: "memory:", Name: "job"}
		test.change(config)
		err := config.Validate()
		if !errors.Is(err, elect.ErrInvalid) {
			t.Errorf("%v is not ErrInvalid, of %v", err, test.texts)
			continue
		}
		for _, text := range test.texts {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%q does not say %q", err, text)
			}
		}
		if election, made := elect.New(config); made == nil {
			t.Errorf("New takes what Validate refuses: %v", err)
			stop(t, election)
		}
	}
	check(t, (&elect.Config{Store: "memory:"}).Validate())
	check(t, (&elect.Config{Store: "memory:", Name: "job", DrainTimeout: elect.None}).Validate())
	check(t, (&elect.Config{CustomStore: newShelf(), Name: "job"}).Validate())
}

func TestSecretsAreInNoError(t *testing.T) {
	config := &elect.Config{Store: "redis://:verysecret@h?lock_ttl=1ms", Password: "very\nsecret"}
	errs := []error{config.Validate(), (&elect.Config{Store: "nosuch://u:verysecret@h"}).Validate()}
	for _, store := range []string{"custom:?password=verysecret", "custom://u:verysecret@h"} {
		_, err := elect.Open(&elect.Config{Store: store})
		expectInvalid(t, err)
		errs = append(errs, err)
	}
	for _, err := range errs {
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Error(err)
		}
	}
}

func TestConfigsShowNoSecrets(t *testing.T) {
	config := elect.Config{Store: "redis://u:verysecret@h:1/2", Password: "verysecret", LockTTL: 2 * time.Second}
	records := newStory()
	tellingLogger(records).Info("opens", "config", config)
	tellingLogger(records).Info("opens", "config", &config)
	for _, text := range []string{
		<-records, <-records, fmt.Sprint(config), fmt.Sprintf("%+v", &config), fmt.Sprintf("%#v", config),
	} {
		if strings.Contains(text, "secret") || !strings.Contains(text, "h:1/2") || !strings.Contains(text, "lock_ttl=2s") {
			t.Error(text)
		}
	}
	broken := elect.Config{Store: "nosuch://verysecret@h", Name: "job"}.String()
	if strings.Contains(broken, "secret") || !strings.Contains(broken, "name=job") {
		t.Error(broken)
	}
}

func TestNilConfigs(t *testing.T) {
	noLeaks(t)
	if _, err := elect.Open(nil); !errors.Is(err, elect.ErrInvalid) {
		t.Error(err)
	}
	if _, err := elect.New(nil); !errors.Is(err, elect.ErrInvalid) {
		t.Error(err)
	}
	if _, err := elect.New(&elect.Config{Store: "memory:"}); !errors.Is(err, elect.ErrInvalid) {
		t.Error("without a name:", err)
	}
	client := open(t, &elect.Config{Store: "memory:", Name: "of all"})
	election, err := client.New(nil)
	check(t, err)
	expect(t, "Name", election.Name(), "of all")
	check(t, election.Update(nil))
	check(t, client.Update(nil))
	expectInvalid(t, (*elect.Config)(nil).Validate())
	if _, err := client.New(&elect.Config{Store: "memory:"}); !errors.Is(err, elect.ErrInvalid) {
		t.Error("a store of an election's own:", err)
	}
	if _, err := client.New(elect.DefaultConfig()); err == nil || !strings.Contains(err.Error(), "give it to Open") {
		t.Error("defaults of a client:", err)
	}
}

func TestConfigFromEnv(t *testing.T) {
	rows, err := elect.OptionRows()
	check(t, err)
	for _, row := range rows {
		if _, found := os.LookupEnv(row.Env); found {
			t.Setenv(row.Env, "")
		}
	}
	config, err := elect.ConfigFromEnv()
	check(t, err)
	expect(t, "an empty environment", reflect.DeepEqual(*config, elect.Config{}), true)
	for name, value := range map[string]string{
		"LEADER_ELECTION_STORE": "memory:", "LEADER_ELECTION_NAME": "job", "LEADER_ELECTION_LOCK_TTL": "1m30s",
		"LEADER_ELECTION_DRAIN_TIMEOUT": "0", "LEADER_ELECTION_TLS_VERIFY": "off", "LEADER_ELECTION_ROLE": "observer",
	} {
		t.Setenv(name, value)
	}
	config, err = elect.ConfigFromEnv()
	check(t, err)
	want := elect.Config{Store: "memory:", Name: "job", LockTTL: 90 * time.Second, DrainTimeout: elect.None,
		TLSInsecureSkipVerify: true, Role: elect.Observer}
	expect(t, "the environment", reflect.DeepEqual(*config, want), true)
	check(t, config.Validate())
	t.Setenv("LEADER_ELECTION_LOCK_TTL", "90")
	if _, err := elect.ConfigFromEnv(); err == nil || !strings.Contains(err.Error(), "LEADER_ELECTION_LOCK_TTL") {
		t.Error("a bare number:", err)
	}
}

// Each option arrives where it is meant, by its variable as well as by its field.
func TestEachVariableFillsItsField(t *testing.T) {
	rows, err := elect.OptionRows()
	check(t, err)
	samples := map[string]string{"store": "memory:", "wait_replicas": "all", "tls_verify": "off", "tls_min_version": "1.3",
		"layout": "plain", "role": "observer", "log_level": "warn", "lock_ttl": "11s"}
	for _, row := range rows {
		value := samples[row.Name]
		if value == "" && row.Kind == "duration" {
			value = "1s"
		} else if value == "" {
			value = "sample"
		}
		if row.Kind == "enum" && samples[row.Name] == "" {
			value = strings.Split(row.Words, "|")[0]
		}
		t.Run(row.Name, func(t *testing.T) {
			t.Setenv(row.Env, value)
			config, err := elect.ConfigFromEnv()
			check(t, err)
			set := 0
			fields := reflect.ValueOf(*config)
			for i := 0; i < fields.NumField(); i++ {
				if !fields.Field(i).IsZero() {
					set++
					expect(t, "the field", fields.Type().Field(i).Tag.Get("elect"), row.Name)
				}
			}
			expect(t, "fields set", set, 1)
		})
	}
}
