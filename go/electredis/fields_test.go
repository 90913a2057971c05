package electredis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
	"github.com/redis/go-redis/v9"
)

// What is neither expressed nor without meaning, of each struct, set as a user would.
var refusedOptions = map[string]func(*redis.Options){
	"Dialer": func(o *redis.Options) {
		o.Dialer = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no") }
	},
	"OnConnect":           func(o *redis.Options) { o.OnConnect = func(context.Context, *redis.Conn) error { return nil } },
	"CredentialsProvider": func(o *redis.Options) { o.CredentialsProvider = func() (string, string) { return "u", "secret" } },
	"CredentialsProviderContext": func(o *redis.Options) {
		o.CredentialsProviderContext = func(context.Context) (string, string, error) { return "u", "secret", nil }
	},
}

var refusedTLS = map[string]func(*tls.Config){
	"Time":         func(c *tls.Config) { c.Time = time.Now },
	"Certificates": func(c *tls.Config) { c.Certificates = []tls.Certificate{{}} },
	"GetClientCertificate": func(c *tls.Config) {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return nil, nil }
	},
	"VerifyPeerCertificate": func(c *tls.Config) {
		c.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { return nil }
	},
	"VerifyConnection": func(c *tls.Config) { c.VerifyConnection = func(tls.ConnectionState) error { return nil } },
	"RootCAs":          func(c *tls.Config) { c.RootCAs = x509.NewCertPool() },
	"NextProtos":       func(c *tls.Config) { c.NextProtos = []string{"redis"} },
	"CipherSuites":     func(c *tls.Config) { c.CipherSuites = []uint16{tls.TLS_AES_128_GCM_SHA256} },
	"CurvePreferences": func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} },
	"EncryptedClientHelloConfigList": func(c *tls.Config) {
		reflect.ValueOf(c).Elem().FieldByName("EncryptedClientHelloConfigList").SetBytes([]byte("x"))
	},
	"EncryptedClientHelloRejectionVerify": func(c *tls.Config) {
		field := reflect.ValueOf(c).Elem().FieldByName("EncryptedClientHelloRejectionVerify")
		field.Set(reflect.MakeFunc(field.Type(), func([]reflect.Value) []reflect.Value { return nil }))
	},
}

func exported(of any) []string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeOf(of)) {
		if field.IsExported() {
			names = append(names, field.Name)
		}
	}
	return names
}

// Each field of what go-redis takes is expressed, without meaning, or refused, and of these one.
func TestEveryFieldIsKnown(t *testing.T) {
	for _, name := range exported(redis.Options{}) {
		_, refused := refusedOptions[name]
		_, later := waysOut[name] // of a later version
		once(t, "redis.Options."+name, optionsTaken[name], optionsIrrelevant[name], refused || later)
	}
	for _, name := range exported(tls.Config{}) {
		_, refused := refusedTLS[name]
		once(t, "tls.Config."+name, tlsTaken[name], tlsIrrelevant[name], refused)
	}
}

func once(t *testing.T, name string, ways ...bool) {
	t.Helper()
	n := 0
	for _, way := range ways {
		if way {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%s is in %d of the tables", name, n)
	}
}

func TestWhatCannotBeExpressedIsRefused(t *testing.T) {
	for name, put := range refusedOptions {
		options := redis.Options{Password: "secret"}
		put(&options)
		wantRefusal(t, &options, "redis.Options."+name)
	}
	for name, put := range refusedTLS {
		if !reflect.ValueOf(tls.Config{}).FieldByName(name).IsValid() {
			continue // of a later Go
		}
		options := redis.Options{Password: "secret", TLSConfig: &tls.Config{}}
		put(options.TLSConfig)
		wantRefusal(t, &options, "redis.Options.TLSConfig."+name)
	}
	for name, config := range map[string]*tls.Config{
		"MinVersion": {MinVersion: tls.VersionTLS11}, "MaxVersion": {MaxVersion: tls.VersionTLS12},
	} {
		wantRefusal(t, &redis.Options{TLSConfig: config}, "redis.Options.TLSConfig."+name)
	}
}

// A field that is neither known nor empty, as of a later version, is refused by its name.
func TestUnknownFieldsAreRefused(t *testing.T) {
	type later struct{ Addr, Proxy string }
	known := set("Addr")
	check := func(value later) error {
		return check("Options.", reflect.ValueOf(value), reflect.ValueOf(later{Proxy: "none"}), &elect.Config{}, known, nil)
	}
	if err := check(later{"x", "none"}); err != nil {
		t.Error(err)
	}
	if err := check(later{"x", "proxy.example"}); err == nil || !strings.Contains(err.Error(), "Options.Proxy:") {
		t.Error(err)
	}
}

func wantRefusal(t *testing.T, options *redis.Options, name string) {
	t.Helper()
	err := configError(t, options, &elect.Config{})
	if err == nil || !errors.Is(err, elect.ErrInvalid) || !strings.Contains(err.Error(), name) {
		t.Errorf("%s: %v", name, err)
	} else if strings.Contains(err.Error(), "secret") {
		t.Error("it tells the password:", err)
	}
}

func configError(t *testing.T, options *redis.Options, config *elect.Config) error {
	t.Helper()
	client := redis.NewClient(options)
	defer client.Close()
	_, err := Config(client, config)
	return err
}

// What the text of a refusal says to do helps, and it alone does.
func TestTheWaysOut(t *testing.T) {
	says := []elect.Config{{Password: "p"}, {PasswordFile: "f"}, {TLSCAFile: "f"}, {TLSCADir: "d"}, {TLSCertFile: "f"}}
	for name, helps := range map[string][]bool{
		"CredentialsProvider":        {true, true, false, false, false},
		"CredentialsProviderContext": {true, true, false, false, false},
		"RootCAs":                    {false, false, true, true, false},
		"Certificates":               {false, false, false, false, true},
		"GetClientCertificate":       {false, false, false, false, true},
		"OnConnect":                  {false, false, false, false, false},
	} {
		for i := range says {
			options := redis.Options{Username: "u", TLSConfig: &tls.Config{}}
			if put, ok := refusedOptions[name]; ok {
				put(&options)
			} else {
				refusedTLS[name](options.TLSConfig)
			}
			if err := configError(t, &options, &says[i]); (err == nil) != helps[i] {
				t.Errorf("%s, %+v: %v", name, says[i], err)
			}
		}
	}
}

// A password alone would be that of the default user, whomever the provider names.
func TestAProviderNeedsItsUser(t *testing.T) {
	for _, name := range []string{"CredentialsProvider", "CredentialsProviderContext"} {
		options := redis.Options{}
		refusedOptions[name](&options)
		err := configError(t, &options, &elect.Config{Password: "secret"})
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "Username") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// None of what is listed as irrelevant is refused, whatever it is set to.
func TestWhatDoesNotMatter(t *testing.T) {
	options := redis.Options{
		ClientName: "x", Protocol: 2, MaxRetries: 1, MinRetryBackoff: 1, MaxRetryBackoff: 1, DialTimeout: 1, ReadTimeout: 1,
		WriteTimeout: 1, ContextTimeoutEnabled: true, PoolFIFO: true, PoolSize: 1, PoolTimeout: 1, MaxIdleConns: 1,
		MaxActiveConns: 1, ConnMaxIdleTime: 1, ConnMaxLifetime: 1, DisableIdentity: true, IdentitySuffix: "x",
		TLSConfig: &tls.Config{SessionTicketsDisabled: true, ClientAuth: tls.RequireAnyClientCert},
	}
	if err := configError(t, &options, nil); err != nil {
		t.Error(err)
	}
}
