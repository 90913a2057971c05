// Package electredis takes a live go-redis client's word for where Redis is: an election stands on the server, in the
// database, as the user and by the TLS that the client has.
//
//	config, err := electredis.Config(client, &elect.Config{Name: "billing"})
//	...
//	election, err := elect.New(config)
//
// libelect has a connection of its own: the client's are not used, and it may be closed.
package electredis

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/libelect/libelect/go/elect"
	"github.com/redis/go-redis/v9"
)

// Config is a copy of config, nil for one that says nothing, with what client says of the server: Store, Password and the
// TLS fields. What config says itself stands. It asks no server.
//
// Taken of redis.Options: Network, Addr, Username, Password, DB, and of its TLSConfig ServerName, MinVersion and
// InsecureSkipVerify.
//
// What else decides which server is spoken to, and as whom, is an error that names it: a ClusterClient, a Ring, a failover
// (sentinel) client or another UniversalClient than *redis.Client; Dialer, OnConnect; hooks, where they can be seen, but
// those of go-redis' own observability packages; CredentialsProvider and its kind, unless redis.Options.Username says as
// whom (go-redis then doesn't look at it; "default" where it names nobody) and config has a Password or a PasswordFile;
// RootCAs in memory, unless it has TLSCAFile or TLSCADir; Certificates in memory, unless it has TLSCertFile; and any
// other of either struct that is set, those of later versions of go-redis too.
//
// How go-redis keeps its own connections doesn't matter here: time limits (libelect's follow from LockTTL), retries, sizes
// and ages of pools, ClientName, Protocol, Limiter, identities, buffers, pipelines, caches; nor do a TLSConfig's sessions
// and what is a server's in it.
func Config(client redis.UniversalClient, config *elect.Config) (*elect.Config, error) {
	single, err := singleClient(client)
	if err != nil {
		return nil, err
	}
	own := elect.Config{}
	if config != nil {
		own = *config
	}
	if own.Store != "" || own.CustomStore != nil {
		return nil, refuse("Store: it is the client's; leave Store and CustomStore empty")
	}
	options := single.Options()
	if err := checkOptions(options, &own); err != nil {
		return nil, err
	}
	if err := checkHooks(single); err != nil {
		return nil, err
	}
	if err := setTLS(options, &own); err != nil {
		return nil, err
	}
	if own.Store, err = storeURL(options, &own); err != nil {
		return nil, err
	}
	if own.PasswordFile == "" && own.Password == "" {
		own.Password = options.Password
	}
	return &own, nil
}

func refuse(format string, values ...any) error {
	return &elect.Error{Code: elect.ErrInvalid, Text: fmt.Sprintf(format, values...)}
}

func singleClient(client redis.UniversalClient) (*redis.Client, error) {
	switch client := client.(type) {
	case nil:
		return nil, refuse("redis.UniversalClient: it is nil")
	case *redis.Client:
		if client == nil {
			return nil, refuse("*redis.Client: it is nil")
		}
		return client, nil
	case *redis.ClusterClient, *redis.Ring:
		return nil, refuse("%T: an election is on one server, or one master with replicas; give a *redis.Client", client)
	}
	return nil, refuse("%T: give the *redis.Client that is in it", client)
}

// ---- where ----

// storeURL is the server's, without its password.
func storeURL(options *redis.Options, config *elect.Config) (string, error) {
	user := ""
	if name := userName(options, config); name != "" {
		user = url.User(name).String() + "@"
	}
	switch options.Network {
	case "unix":
		return unixURL(options, user)
	case "tcp":
		return tcpURL(options, user)
	}
	return "", refuse("redis.Options.Network=%q: it must be tcp or unix", options.Network)
}

// userName is whom go-redis says it is: nobody, whatever Username, without a password; and where there is one, "default"
// rather than no name, which a server without a password takes too.
func userName(options *redis.Options, config *elect.Config) string {
	if options.Password == "" && config.Password == "" && config.PasswordFile == "" {
		return ""
	}
	if options.Username == "" {
		return "default"
	}
	return options.Username
}

func tcpURL(options *redis.Options, user string) (string, error) {
	host, port, err := net.SplitHostPort(options.Addr)
	if strings.Contains(options.Addr, "@") {
		return "", refuse("redis.Options.Addr: it must be host:port, without a user or a password") // which is not shown
	}
	if err != nil || strings.ContainsAny(host, "/?#[]") {
		return "", refuse("redis.Options.Addr=%q: it must be host:port", options.Addr)
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return "", refuse("redis.Options.Addr=%q: its port must be 1 to 65535", options.Addr)
	}
	if host == "" {
		host = "localhost" // as net.Dial has it
	}
	scheme := "redis"
	if options.TLSConfig != nil {
		scheme = "rediss"
	}
	where := strings.ReplaceAll(net.JoinHostPort(host, port), "%", "%25") // of an IPv6 zone
	return fmt.Sprintf("%s://%s%s/%d", scheme, user, where, database(options)), nil
}

func unixURL(options *redis.Options, user string) (string, error) {
	if options.TLSConfig != nil {
		return "", refuse("redis.Options.TLSConfig: it can't be had with Network=%q", options.Network)
	}
	if strings.HasPrefix(options.Addr, "@") {
		return "", refuse("redis.Options.Addr=%q: an abstract socket can't be had; it must be a path", options.Addr)
	}
	path, err := filepath.Abs(options.Addr)
	if err != nil {
		return "", refuse("redis.Options.Addr=%q: %v", options.Addr, err)
	}
	escaped := (&url.URL{Path: path}).EscapedPath()
	return fmt.Sprintf("redis+unix://%s%s?db=%d", user, escaped, database(options)), nil
}

// database is the one that go-redis selects.
func database(options *redis.Options) int {
	if options.DB < 0 {
		return 0
	}
	return options.DB
}
