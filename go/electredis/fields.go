package electredis

import (
	"crypto/tls"
	"reflect"
	"runtime"

	"github.com/libelect/libelect/go/elect"
	"github.com/redis/go-redis/v9"
)

// Of the fields of redis.Options and tls.Config, by name, since versions differ in which they have: those that are
// expressed, and those that don't matter. Any other is refused when it is set.
var (
	optionsTaken      = set("Network", "Addr", "Username", "Password", "DB", "TLSConfig")
	optionsIrrelevant = set(
		"ClientName", "Protocol", "UnstableResp3", "DisableIdentity", "DisableIndentity", "IdentitySuffix",
		"MaxRetries", "MinRetryBackoff", "MaxRetryBackoff", "DialerRetries", "DialerRetryTimeout", "DialerRetryBackoff",
		"DialTimeout", "ReadTimeout", "WriteTimeout", "ContextTimeoutEnabled", "FailingTimeoutSeconds",
		"PoolFIFO", "PoolSize", "PoolTimeout", "MinIdleConns", "MaxIdleConns", "MaxActiveConns", "MaxConcurrentDials",
		"ConnMaxIdleTime", "ConnMaxLifetime", "ConnMaxLifetimeJitter", "ReadBufferSize", "WriteBufferSize",
		"PipelineReadBufferSize", "PipelineWriteBufferSize", "PipelinePoolSize", "AutoPipelineOptions",
		"Limiter", "PushNotificationProcessor", "MaintNotificationsConfig", "NodeAddress",
		"ClientSideCache", "ClientSideCacheConfig", "ClientSideCacheStrategy", "ClientSideCacheRefreshOnInvalidate",
		"ClientSideCacheCoalesceMisses", "ClientSideCacheInvalidationBatchWindow")
	tlsTaken      = set("ServerName", "MinVersion", "InsecureSkipVerify", "MaxVersion")
	tlsIrrelevant = set(
		"Rand", "KeyLogWriter", "SessionTicketsDisabled", "SessionTicketKey", "ClientSessionCache", "UnwrapSession", "WrapSession",
		"NameToCertificate", "GetCertificate", "GetConfigForClient", "ClientAuth", "ClientCAs", "PreferServerCipherSuites",
		"Renegotiation", "DynamicRecordSizingDisabled", "GetEncryptedClientHelloKeys", "EncryptedClientHelloKeys")
)

func set(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
}

// A way out is what config can say instead of a field that can't be expressed, and what beside it options must.
type wayOut struct {
	says func(options reflect.Value, config *elect.Config) bool
	text string
}

// Of a provider only go-redis knows whom it names, so its user must be said, too.
func saysUser(options reflect.Value, c *elect.Config) bool {
	return options.FieldByName("Username").String() != "" && c.Password+c.PasswordFile != ""
}

func saysAuthorities(_ reflect.Value, c *elect.Config) bool { return c.TLSCAFile+c.TLSCADir != "" }

func saysCertificate(_ reflect.Value, c *elect.Config) bool { return c.TLSCertFile != "" }

var (
	user        = wayOut{saysUser, "set redis.Options.Username, and Password or PasswordFile"}
	authorities = wayOut{saysAuthorities, "set TLSCAFile or TLSCADir"}
	certificate = wayOut{saysCertificate, "set TLSCertFile"}
)

var waysOut = map[string]wayOut{
	"CredentialsProvider":          user,
	"CredentialsProviderContext":   user,
	"StreamingCredentialsProvider": user,
	"RootCAs":                      authorities,
	"Certificates":                 certificate,
	"GetClientCertificate":         certificate,
}

// plain are the options of a client of the same server for which nothing else is set: what go-redis fills in by itself.
func plain(options *redis.Options) *redis.Options {
	client := redis.NewClient(&redis.Options{Network: options.Network, Addr: options.Addr})
	defer client.Close()
	return client.Options()
}

func checkOptions(options *redis.Options, config *elect.Config) error {
	plain := plain(options)
	if options.Addr == "FailoverClient" && !same(reflect.ValueOf(options.Dialer), reflect.ValueOf(plain.Dialer)) {
		return refuse("redis.FailoverOptions: sentinels can't be asked; give a *redis.Client of the master")
	}
	return check("redis.Options.", reflect.ValueOf(options).Elem(), reflect.ValueOf(plain).Elem(), config,
		optionsTaken, optionsIrrelevant)
}

func checkTLS(options *tls.Config, config *elect.Config) error {
	return check("redis.Options.TLSConfig.", reflect.ValueOf(options).Elem(), reflect.ValueOf(&tls.Config{}).Elem(), config,
		tlsTaken, tlsIrrelevant)
}

// check refuses what is set of options, is not known, and has no way out that config takes. An error names the field
// only: what is in it may be secret.
func check(prefix string, options, defaults reflect.Value, config *elect.Config, known ...map[string]bool) error {
	for i := 0; i < options.NumField(); i++ {
		field := options.Type().Field(i)
		if !field.IsExported() || known[0][field.Name] || known[1][field.Name] || same(options.Field(i), defaults.Field(i)) {
			continue
		}
		way, ok := waysOut[field.Name]
		switch {
		case !ok:
			return refuse("%s%s: it is set, and libelect's connection can't do it", prefix, field.Name)
		case !way.says(options, config):
			return refuse("%s%s: it is set, and libelect's connection can't use it; %s", prefix, field.Name, way.text)
		}
	}
	return nil
}

// same says that a field is as it is by default. Functions can't be compared: those that have the same code are the same
// here, as a Dialer that go-redis has filled in and the default are.
func same(value, other reflect.Value) bool {
	if value.Kind() == reflect.Func && !value.IsNil() && !other.IsNil() {
		return code(value) == code(other)
	}
	if value.Kind() == reflect.Slice && value.Len() == 0 && other.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(value.Interface(), other.Interface())
}

func code(function reflect.Value) string { return runtime.FuncForPC(function.Pointer()).Name() }

// setTLS says what TLSConfig does, where config doesn't.
func setTLS(options *redis.Options, config *elect.Config) error {
	from := options.TLSConfig
	if from == nil {
		return nil
	}
	if err := checkTLS(from, config); err != nil {
		return err
	}
	if from.MaxVersion != 0 && from.MaxVersion < tls.VersionTLS13 {
		return refuse("redis.Options.TLSConfig.MaxVersion=%s: libelect speaks TLS 1.3 where the server does",
			tls.VersionName(from.MaxVersion))
	}
	version := ""
	switch from.MinVersion {
	case 0, tls.VersionTLS12:
		version = "1.2"
	case tls.VersionTLS13:
		version = "1.3"
	default:
		return refuse("redis.Options.TLSConfig.MinVersion=%s: it must be 1.2 or 1.3", tls.VersionName(from.MinVersion))
	}
	if config.TLSMinVersion == "" {
		config.TLSMinVersion = version
	}
	if config.TLSServerName == "" {
		config.TLSServerName = from.ServerName
	}
	config.TLSInsecureSkipVerify = config.TLSInsecureSkipVerify || from.InsecureSkipVerify
	return nil
}
