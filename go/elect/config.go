package elect

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/libelect/libelect/go/internal/celect"
)

// None is a duration of nothing, where 0 means the default: DrainTimeout: elect.None doesn't wait for the leader's work.
const None time.Duration = -1

// Role is what an election does.
type Role string

const (
	Candidate Role = "candidate"
	Observer  Role = "observer" // looks and never leads
)

// Layout is which keys and values the store writes; docs/moving-over.md says how to move from one to another.
type Layout string

const (
	LayoutElect     Layout = "elect"
	LayoutPlain     Layout = "plain"     // SET LockKey id NX PX, as of hand-rolled locks, redislock and redsync
	LayoutMapleFile Layout = "maplefile" // as of leaderelection
	LayoutElector   Layout = "elector"
	LayoutGoLeader  Layout = "go-leader"
)

// ReplicaWait is which replicas of Redis a write must have reached before it counts.
type ReplicaWait string

const (
	ReplicasOff ReplicaWait = "off"
	ReplicasAll ReplicaWait = "all"
)

// Config holds every option; docs/options.md has their ranges. A field of zero value means the default. An option that
// is not set here may be set by the query of the store's URL.
type Config struct {
	// Store is where leaders are elected: redis://host:port, rediss:// (TLS), redis+unix:///path, the same with valkey;
	// local:/path (one host) or memory: (tests).
	Store string `elect:"store"`
	// CustomStore is a store of your own. Store is then empty, or "custom:" with a query.
	CustomStore Store

	Name       string `elect:"name"`        // the election: of all that bear one name, one leads
	Prefix     string `elect:"prefix"`      // first part of the keys; "elect"
	InstanceID string `elect:"instance_id"` // this candidate, unlike any other; host name and 16 random hex digits
	Hostname   string `elect:"hostname"`    // told to the others
	Address    string `elect:"address"`     // where this candidate is reached; told to the others
	Metadata   string `elect:"metadata"`    // any text; told to the others
	Role       Role   `elect:"role"`
	Layout     Layout `elect:"layout"`
	LockKey    string `elect:"lock_key"` // for LayoutPlain, which needs it, and LayoutMapleFile
	InfoKey    string `elect:"info_key"` // for LayoutMapleFile

	LockTTL           time.Duration `elect:"lock_ttl"`           // how long a lease lasts without a heartbeat; 10 s
	HeartbeatInterval time.Duration `elect:"heartbeat_interval"` // how often the leader renews it; 0.3 x LockTTL
	RetryInterval     time.Duration `elect:"retry_interval"`     // the pause after a failed try; 0.2 x LockTTL
	ClockMargin       time.Duration `elect:"clock_margin"`       // how long before its end a lease is given up; 0.1 x LockTTL
	DrainTimeout      time.Duration `elect:"drain_timeout"`      // how long a leader that steps down waits for its work; 8 s
	RestartGrace      time.Duration `elect:"restart_grace"`      // how long a restarted store is not trusted; LockTTL
	WaitReplicas      ReplicaWait   `elect:"wait_replicas"`

	Password              string `elect:"password"`
	PasswordFile          string `elect:"password_file"` // its first line; read again at each connect
	TLSCAFile             string `elect:"tls_ca_file"`
	TLSCADir              string `elect:"tls_ca_dir"`
	TLSCertFile           string `elect:"tls_cert_file"`
	TLSKeyFile            string `elect:"tls_key_file"`
	TLSServerName         string `elect:"tls_server_name"`
	TLSMinVersion         string `elect:"tls_min_version"` // "1.2" or "1.3"
	TLSInsecureSkipVerify bool   `elect:"tls_verify"`      // trusts any certificate, and whoever stands in between

	LogLevel        string `elect:"log_level"` // off, error, warn, info, debug; the lowest that Logger takes
	AllowFilesystem string `elect:"allow_filesystem"`

	// KeepStanding has Run stand again when its function returns an error during its term, instead of returning it.
	KeepStanding bool

	// Logger takes what LogLevel lets through, panics of callbacks, and errors on which Run stands again; slog.Default().
	// It is called by one goroutine, and may be slow: more than 256 records that wait are dropped. Its own panics are
	// written to standard error.
	Logger *slog.Logger
}

// DefaultConfig is a Config with every default in its place, but for those that follow from LockTTL. It is for New and Open:
// Client.New refuses what is not an election's. A field wins over the query of the store's URL, which then changes nothing.
func DefaultConfig() *Config {
	config := &Config{}
	config.fill(func(option tableRow) string {
		if option.Name == "log_level" { // the logger's own
			return ""
		}
		return option.Default
	})
	return config
}

// ConfigFromEnv is the Config that the environment describes: LEADER_ELECTION_STORE, LEADER_ELECTION_NAME,
// LEADER_ELECTION_LOCK_TTL and so on, one for each option. What is not there stays zero. The error names the variable.
func ConfigFromEnv() (*Config, error) {
	if !celect.Supported {
		return nil, ErrUnsupported
	}
	options := celect.Options_new()
	defer celect.Options_free(options)
	if err := optionsError(celect.Options_load_env(options), options); err != nil {
		return nil, err
	}
	config := &Config{}
	config.fill(func(option tableRow) string { return os.Getenv(option.Env) })
	return config, nil
}

// Validate says what is wrong with options alone, without asking a store: nil, or an error that names the option, the
// value and the rule. Of a Config without Name it looks at what Open takes.
func (c *Config) Validate() error {
	options, err := c.options()
	if err != nil {
		return err
	}
	defer celect.Options_free(options)
	return optionsError(celect.Options_check(options), options)
}

// LogValue has a logger show the options that are set, without what is secret in them.
func (c Config) LogValue() slog.Value {
	var shown []slog.Attr
	options := celect.Options_new()
	defer celect.Options_free(options)
	for _, field := range c.fields() {
		text := field.text()
		if text == "" {
			continue
		}
		if celect.Options_set(options, field.name, text) == celect.ELECT_OK {
			text = celect.Options_get(options, field.name)
		} else { // who knows what is secret in it
			text = "invalid"
		}
		shown = append(shown, slog.String(field.name, text))
	}
	return slog.GroupValue(shown...)
}

// String is what LogValue shows.
func (c Config) String() string { return c.LogValue().String() }

// GoString is what LogValue shows.
func (c Config) GoString() string { return "elect.Config" + c.String() }

// A tableRow is an option, as libelect itself describes it.
type tableRow struct{ Name, Default, Env string }

// fill sets each option's field to what text says in the table's way of writing, which is known to be right.
func (c *Config) fill(text func(tableRow) string) {
	var table []tableRow
	if err := json.Unmarshal([]byte(celect.Options_table()), &table); err != nil {
		return // there is none where libelect isn't
	}
	texts := map[string]string{}
	for _, row := range table {
		texts[row.Name] = text(row)
	}
	for _, field := range c.fields() {
		text := texts[field.name]
		switch {
		case text == "" || text == "auto":
		case field.Type() == durationType:
			field.SetInt(int64(durationOf(text)))
		case field.Kind() == reflect.Bool:
			field.SetBool(text == "off")
		default:
			field.SetString(text)
		}
	}
}

var durationType = reflect.TypeOf(time.Duration(0))

func durationOf(text string) time.Duration {
	duration, _ := time.ParseDuration(text)
	if duration == 0 {
		return None
	}
	return duration
}

// A field is one of Config's that are options.
type field struct {
	reflect.Value
	name string
}

// fields are all of them, in their order.
func (c *Config) fields() (fields []field) {
	config := reflect.ValueOf(c).Elem()
	for i := 0; i < config.NumField(); i++ {
		if name := config.Type().Field(i).Tag.Get("elect"); name != "" {
			fields = append(fields, field{config.Field(i), name})
		}
	}
	return fields
}

// text is the field in the table's way of writing; "" when it is not set.
func (f field) text() string {
	switch {
	case f.IsZero():
		return ""
	case f.Kind() == reflect.Bool:
		return "off"
	case f.Type() == durationType && time.Duration(f.Int()) == None:
		return "0s"
	case f.Type() == durationType:
		return time.Duration(f.Int()).String()
	}
	return f.Value.String()
}

// options are to be freed.
func (c *Config) options() (celect.Elect_options, error) {
	if !celect.Supported {
		return nil, ErrUnsupported
	}
	options := celect.Options_new()
	if c == nil {
		return options, nil
	}
	if err := c.set(options); err != nil {
		celect.Options_free(options)
		return nil, err
	}
	return options, nil
}

// set sets the options that are set here. Texts with a zero byte would be cut there in C.
func (c Config) set(options celect.Elect_options) error {
	switch {
	case c.CustomStore == nil || strings.HasPrefix(c.Store, "custom:"):
	case c.Store == "":
		c.Store = "custom:"
	default:
		return &Error{ErrInvalid, "Store and CustomStore are both set; a client has one store"}
	}
	for _, field := range c.fields() {
		text := field.text()
		if strings.ContainsRune(text, 0) {
			return &Error{ErrInvalid, fmt.Sprintf("%s: a text must not hold a zero byte", field.name)}
		}
		if text == "" {
			continue
		}
		if err := optionsError(celect.Options_set(options, field.name, text), options); err != nil {
			return err
		}
	}
	return nil
}
