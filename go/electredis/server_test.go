package electredis_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/libelect/libelect/go/elect"
	"github.com/libelect/libelect/go/electredis"
	"github.com/libelect/libelect/go/internal/redistest"
	"github.com/redis/go-redis/v9"
)

// leads wants an election by this client to be won, with its key where the client sees it.
func leads(t *testing.T, client *redis.Client, config *elect.Config) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		t.Fatal("go-redis itself: ", err)
	}
	config.Name, config.RestartGrace, config.LogLevel = "job", elect.None, "off"
	own, err := electredis.Config(client, config)
	if err != nil {
		t.Fatal(err)
	}
	election, err := elect.New(own)
	if err != nil {
		t.Fatal(err)
	}
	err = election.Run(ctx, func(ctx context.Context, term elect.Term) error {
		value, err := client.Get(ctx, "elect:{job}:leader").Result()
		if !strings.HasPrefix(value, election.GetInstanceID()+" ") {
			t.Errorf("its lock is %q, %v", value, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// freePort is below those that connections take, so that none takes it before the server does.
func freePort() string {
	for {
		port := strconv.Itoa(20000 + mathrand.Intn(12000))
		if listener, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			listener.Close()
			return port
		}
	}
}

func TestOnTheSameServerAndDatabase(t *testing.T) {
	port := freePort()
	server := redistest.Start(t, "--port", port, "--bind", "127.0.0.1")
	socket := strings.TrimPrefix(server.URL(), "redis+unix://")
	for _, options := range []redis.Options{
		{Addr: "127.0.0.1:" + port},
		{Addr: "localhost:" + port, DB: 3},
		{Addr: socket},
		{Network: "unix", Addr: socket, DB: 4},
		{Addr: "127.0.0.1:" + port, Password: secret}, // which nobody asks for
	} {
		leads(t, client(t, &options), &elect.Config{})
	}
}

func TestAsTheSameUser(t *testing.T) {
	port := freePort()
	server := redistest.Start(t, "--port", port, "--bind", "127.0.0.1", "--requirepass", secret)
	socket := strings.TrimPrefix(server.URL(), "redis+unix://")
	admin := client(t, &redis.Options{Addr: socket, Password: secret})
	ctx := context.Background()
	rules := []any{"ACL", "SETUSER", "a_b@c/:", "on", ">" + secret + "2", "~*", "&*", "+@all"}
	if err := admin.Do(ctx, rules...).Err(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	provided := redis.Options{Addr: socket, Username: "default",
		CredentialsProvider: func() (string, string) { return "", secret }}
	named := redis.Options{Addr: socket, Username: "a_b@c/:",
		CredentialsProvider: func() (string, string) { return "a_b@c/:", secret + "2" }}

	leads(t, admin, &elect.Config{})
	leads(t, client(t, &redis.Options{Addr: "127.0.0.1:" + port, Password: secret}), &elect.Config{})
	leads(t, client(t, &redis.Options{Addr: socket, Username: "a_b@c/:", Password: secret + "2"}), &elect.Config{})
	leads(t, client(t, &provided), &elect.Config{PasswordFile: file})
	leads(t, client(t, &named), &elect.Config{Password: secret + "2"})
}

func TestByTheSameTLS(t *testing.T) {
	folder, authority := certificates(t)
	file := func(name string) string { return filepath.Join(folder, name) }
	port := freePort()
	redistest.Start(t, "--tls-port", port, "--bind", "127.0.0.1", "--tls-cert-file", file("server.pem"), "--tls-key-file",
		file("server.key"), "--tls-ca-cert-file", file("ca.pem"), "--tls-auth-clients", "yes")
	own, err := tls.LoadX509KeyPair(file("client.pem"), file("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	options := redis.Options{Addr: "127.0.0.1:" + port, TLSConfig: &tls.Config{
		RootCAs: authority, Certificates: []tls.Certificate{own}, ServerName: "redis.test", MinVersion: tls.VersionTLS13}}
	files := elect.Config{TLSCAFile: file("ca.pem"), TLSCertFile: file("client.pem"), TLSKeyFile: file("client.key")}
	leads(t, client(t, &options), &files)

	// The certificate bears no address: without its name it is refused, unless nothing is verified.
	careless := options
	careless.TLSConfig = &tls.Config{Certificates: options.TLSConfig.Certificates, InsecureSkipVerify: true}
	files.TLSCAFile = ""
	leads(t, client(t, &careless), &files)
}

// certificates of an authority, and what it has issued: for a server called redis.test, and for a client.
func certificates(t *testing.T) (folder string, authority *x509.CertPool) {
	t.Helper()
	folder = t.TempDir()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key := newKey(t)
	issue(t, folder, "ca", ca, ca, key, key)
	for i, name := range []string{"server", "client"} {
		leaf := *ca
		leaf.SerialNumber, leaf.Subject.CommonName, leaf.IsCA = big.NewInt(int64(i+2)), name, false
		leaf.KeyUsage, leaf.DNSNames = x509.KeyUsageDigitalSignature, []string{"redis.test"}
		leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		issue(t, folder, name, &leaf, ca, newKey(t), key)
	}
	text, err := os.ReadFile(filepath.Join(folder, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	authority = x509.NewCertPool()
	authority.AppendCertsFromPEM(text)
	return folder, authority
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func issue(t *testing.T, folder, name string, certificate, issuer *x509.Certificate, key, issuerKey *ecdsa.PrivateKey) {
	t.Helper()
	signed, err := x509.CreateCertificate(rand.Reader, certificate, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for end, block := range map[string]*pem.Block{
		"pem": {Type: "CERTIFICATE", Bytes: signed}, "key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		path := filepath.Join(folder, fmt.Sprintf("%s.%s", name, end))
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
