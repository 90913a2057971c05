package electredis_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/electredis"
	"github.com/redis/go-redis/v9"
)

const secret = "of the s@cret kind:/?#%"

// client is of go-redis, which connects to nobody until it is asked to.
func client(t *testing.T, options *redis.Options) *redis.Client {
	t.Helper()
	client := redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	return client
}

func TestWhereTheServerIs(t *testing.T) {
	for _, row := range []struct {
		options redis.Options
		store   string
	}{
		{redis.Options{}, "redis://localhost:6379/0"},
		{redis.Options{Addr: ":7000"}, "redis://localhost:7000/0"},
		{redis.Options{Addr: "redis.example:7000", DB: 3}, "redis://redis.example:7000/3"},
		{redis.Options{Addr: "redis.example:7000", DB: -1}, "redis://redis.example:7000/0"},
		{redis.Options{Addr: "[::1]:7000"}, "redis://[::1]:7000/0"},
		{redis.Options{Addr: "[fe80::1%eth0]:7000"}, "redis://[fe80::1%25eth0]:7000/0"},
		{redis.Options{Addr: "r:1", TLSConfig: &tls.Config{}}, "rediss://r:1/0"},
		{redis.Options{Addr: "/run/redis.sock"}, "redis+unix:///run/redis.sock?db=0"},
		{redis.Options{Network: "unix", Addr: "/run/r?d#s%", DB: 2}, "redis+unix:///run/r%3Fd%23s%25?db=2"},
		{redis.Options{Addr: "r:1", Password: secret}, "redis://default@r:1/0"},
		{redis.Options{Addr: "r:1", Username: "elect", Password: secret}, "redis://elect@r:1/0"},
		{redis.Options{Addr: "r:1", Username: "a b@c/:", Password: secret}, "redis://a%20b%40c%2F%3A@r:1/0"},
		{redis.Options{Addr: "r:1", Username: "nobody without a password"}, "redis://r:1/0"},
		{redis.Options{Addr: "/run/redis.sock", Username: "u", Password: secret}, "redis+unix://u@/run/redis.sock?db=0"},
	} {
		config, err := electredis.Config(client(t, &row.options), &elect.Config{Name: "job"})
		if err != nil {
			t.Error(row.store, err)
			continue
		}
		if config.Store != row.store || config.Password != row.options.Password || config.Name != "job" {
			t.Errorf("%+v: want %s", config, row.store)
		}
		if err := config.Validate(); err != nil {
			t.Error(row.store, err)
		}
	}
}

func TestRelativeSocketsAreOfTheWorkingDirectory(t *testing.T) {
	config, err := electredis.Config(client(t, &redis.Options{Network: "unix", Addr: "redis.sock"}), nil)
	if err != nil || !strings.HasSuffix(config.Store, "/electredis/redis.sock?db=0") {
		t.Error(config, err)
	}
}

func TestTLS(t *testing.T) {
	for _, row := range []struct {
		tls        *tls.Config
		said, want elect.Config
	}{
		{tls: &tls.Config{}, want: elect.Config{TLSMinVersion: "1.2"}},
		{tls: &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13}, want: elect.Config{TLSMinVersion: "1.2"}},
		{tls: &tls.Config{MinVersion: tls.VersionTLS13, ServerName: "r"}, want: elect.Config{TLSMinVersion: "1.3", TLSServerName: "r"}},
		{tls: &tls.Config{InsecureSkipVerify: true}, want: elect.Config{TLSMinVersion: "1.2", TLSInsecureSkipVerify: true}},
		{
			tls: &tls.Config{RootCAs: x509.NewCertPool(), Certificates: []tls.Certificate{{}}, MinVersion: tls.VersionTLS12,
				ServerName: "r", ClientSessionCache: tls.NewLRUClientSessionCache(1)},
			said: elect.Config{TLSCAFile: "ca.pem", TLSCertFile: "c.pem", TLSMinVersion: "1.3", TLSServerName: "other"},
			want: elect.Config{TLSCAFile: "ca.pem", TLSCertFile: "c.pem", TLSMinVersion: "1.3", TLSServerName: "other"},
		},
	} {
		config, err := electredis.Config(client(t, &redis.Options{Addr: "r:1", TLSConfig: row.tls}), &row.said)
		if err != nil {
			t.Error(err)
			continue
		}
		row.want.Store = "rediss://r:1/0"
		if !reflect.DeepEqual(*config, row.want) {
			t.Errorf("%+v\nwant %+v", *config, row.want)
		}
	}
}

func TestTheConfigIsACopyAndWhatItSaysStands(t *testing.T) {
	given := elect.Config{Name: "job", PasswordFile: "/run/secrets/redis", LockKey: "k"}
	before := given
	config, err := electredis.Config(client(t, &redis.Options{Username: "u", Password: secret}), &given)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(given, before) {
		t.Error("it was changed")
	}
	want := given
	want.Store = "redis://u@localhost:6379/0"
	if !reflect.DeepEqual(*config, want) {
		t.Errorf("%+v\nwant %+v", *config, want)
	}
	config, err = electredis.Config(client(t, &redis.Options{Password: secret}), &elect.Config{Password: "newer"})
	if err != nil || config.Password != "newer" {
		t.Error(config, err)
	}
}

type wrapped struct{ *redis.Client }

type hook struct{}

func (hook) DialHook(next redis.DialHook) redis.DialHook                               { return next }
func (hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook                      { return next }
func (hook) ProcessPipelineHook(n redis.ProcessPipelineHook) redis.ProcessPipelineHook { return n }

func TestOtherClientsAreRefused(t *testing.T) {
	refused(t, nil, nil, "redis.UniversalClient")
	refused(t, (*redis.Client)(nil), nil, "*redis.Client")
	addresses := []string{"localhost:6379"}
	hooked := redis.NewClient(&redis.Options{})
	hooked.AddHook(hook{})
	for _, row := range []struct {
		client redis.UniversalClient
		names  string
	}{
		{redis.NewClusterClient(&redis.ClusterOptions{Addrs: addresses}), "*redis.ClusterClient"},
		{redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": addresses[0]}}), "*redis.Ring"},
		{redis.NewUniversalClient(&redis.UniversalOptions{Addrs: append(addresses, "other:6379")}), "*redis.ClusterClient"},
		{redis.NewUniversalClient(&redis.UniversalOptions{Addrs: addresses, MasterName: "m"}), "FailoverOptions"},
		{redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "m", SentinelAddrs: addresses}), "FailoverOptions"},
		{redis.NewFailoverClusterClient(&redis.FailoverOptions{MasterName: "m", SentinelAddrs: addresses}), "*redis.ClusterClient"},
		{wrapped{redis.NewClient(&redis.Options{})}, "electredis_test.wrapped"},
		{hooked, "electredis_test.hook"},
	} {
		refused(t, row.client, nil, row.names)
		row.client.Close()
	}
	// What the text about hooks says.
	again := client(t, hooked.Options())
	if _, err := electredis.Config(again, nil); err != nil {
		t.Error(err)
	}
	if _, err := electredis.Config(redis.NewUniversalClient(&redis.UniversalOptions{Addrs: addresses}), nil); err != nil {
		t.Error(err)
	}
}

// refused wants an error that matches ErrInvalid, names the option, and tells no secret.
func refused(t *testing.T, client redis.UniversalClient, config *elect.Config, names string) {
	t.Helper()
	got, err := electredis.Config(client, config)
	if err == nil || got != nil {
		t.Errorf("%s: not refused", names)
		return
	}
	if !errors.Is(err, elect.ErrInvalid) || !strings.Contains(err.Error(), names) {
		t.Errorf("%v: it doesn't name %s", err, names)
	}
	if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "s@cret") {
		t.Errorf("%v: it tells the password", err)
	}
}

func TestWhatHasNoPlaceInTheConfig(t *testing.T) {
	plain := client(t, &redis.Options{})
	refused(t, plain, &elect.Config{Store: "redis://other"}, "Store")
	refused(t, plain, &elect.Config{CustomStore: store{}}, "CustomStore")
}

type store struct{}

func (store) Read(context.Context, string) (string, string, error) { return "", "", nil }
func (store) Write(context.Context, string, string, string) (string, error) {
	return "", nil
}

func TestAddressesThatCannotBeHad(t *testing.T) {
	for _, options := range []redis.Options{
		{Addr: "redis.example"},
		{Addr: "redis.example:"},
		{Addr: "redis.example:redis"},
		{Addr: "redis.example:0"},
		{Addr: "redis.example:70000"},
		{Addr: "redis://redis.example:6379"},
		{Addr: "redis.example/1?db=2:6379"},
		{Addr: "user:" + secret + "@redis.example:6379"},
		{Addr: "redis://:s@cret@redis.example:6379"},
		{Network: "unix", Addr: "@abstract"},
	} {
		options.Password = secret
		refused(t, client(t, &options), nil, "redis.Options.Addr")
	}
	refused(t, client(t, &redis.Options{Network: "tcp6"}), nil, "redis.Options.Network")
	refused(t, client(t, &redis.Options{Addr: "/s", TLSConfig: &tls.Config{}}), nil, "redis.Options.TLSConfig")
}

// Errors of libelect itself about what comes from here tell no secret either.
func TestNoErrorTellsThePassword(t *testing.T) {
	for _, options := range []redis.Options{
		{Addr: "no such host:1", Password: secret},
		{Addr: "redis.example:1", Username: "\xff", Password: secret},
		{Addr: "redis.example:1", Password: secret + "\x00"},
		{Addr: "redis.example:1", Password: strings.Repeat(secret, 300)},
		{Addr: "/" + strings.Repeat("path", 50), Password: secret},
	} {
		config, err := electredis.Config(client(t, &options), &elect.Config{Name: "job"})
		if err == nil {
			_, err = elect.Open(config)
		}
		if err == nil {
			t.Error("not refused", options.Addr)
		} else if strings.Contains(err.Error(), "s@cret") || strings.Contains(err.Error(), "s%40cret") {
			t.Error(err)
		}
	}
}
