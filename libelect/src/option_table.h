/* The one table of options. It feeds elect_options_set, URLs, the environment, the command line, the bindings and the
 * generated reference. Each default is itself a valid value, but for store and name, which must be set. Help has no
 * quotes and no backslashes: it goes into JSON. */
#ifndef ELECT_SRC_OPTION_TABLE_H
#define ELECT_SRC_OPTION_TABLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum elect__option_kind {
    ELECT__KIND_URL,     /* min and max are bytes */
    ELECT__KIND_LINE,    /* one line of text without control characters; min and max are bytes */
    ELECT__KIND_TEXT,    /* any UTF-8; min and max are bytes */
    ELECT__KIND_ENUM,    /* one of the words */
    ELECT__KIND_DURATION /* min and max are durations; or one of the words */
};
enum elect__option_scope { ELECT__SCOPE_CLIENT, ELECT__SCOPE_ELECTION };

/* X(name, NAME, kind, words, default, min, max, scope, dynamic, secret, help), SEP between them. */
/* clang-format off */
#define ELECT__OPTION_TABLE(X, SEP)                                                                                    \
    X(store, STORE, URL, "", "", "1", "4096", CLIENT, 0, 0,                                                            \
      "Where leaders are elected: redis://host:port, rediss:// (TLS) or redis+unix:///path, the same with valkey; "     \
      "local:/path (one host), custom: (a store of your own, served by your program) or memory: (tests). "             \
      "Its ?query may set options.") SEP                                                              \
    X(name, NAME, LINE, "", "", "1", "200", ELECTION, 0, 0,                                                            \
      "The election: of all that bear one name, one leads.") SEP                                                       \
    X(prefix, PREFIX, LINE, "", "elect", "1", "200", ELECTION, 0, 0,                                                   \
      "First part of the keys, in stores that have keys.") SEP                                                         \
    X(instance_id, INSTANCE_ID, LINE, "", "", "0", "256", ELECTION, 0, 0,                                              \
      "This candidate, unlike any other; empty: host name and 16 random hex digits.") SEP                              \
    X(hostname, HOSTNAME, LINE, "", "", "0", "255", ELECTION, 0, 0,                                                    \
      "Told to the others; empty: the name of the host.") SEP                                                          \
    X(address, ADDRESS, LINE, "", "", "0", "7680", ELECTION, 1, 0,                                                     \
      "Where this candidate is reached; told to the others.") SEP                                                      \
    X(metadata, METADATA, TEXT, "", "", "0", "7680", ELECTION, 1, 0,                                                   \
      "Any text; told to the others.") SEP                                                                             \
    X(role, ROLE, ENUM, "candidate|observer", "candidate", "", "", ELECTION, 0, 0,                                     \
      "An observer looks and never leads.") SEP                                                                        \
    X(layout, LAYOUT, ENUM, "elect|plain|maplefile|elector|go-leader", "elect", "", "", ELECTION, 0, 0,                \
      "Which keys and values the store writes: our own, or those of a lock that is there already (Redis only); "       \
      "never change it while candidates run.") SEP                                                                     \
    X(lock_key, LOCK_KEY, LINE, "", "", "0", "512", ELECTION, 0, 0,                                                    \
      "The key of the lock, for layouts plain (which needs it) and maplefile.") SEP                                    \
    X(info_key, INFO_KEY, LINE, "", "", "0", "512", ELECTION, 0, 0,                                                    \
      "The key of what is told of the leader, for layout maplefile.") SEP                                     \
    X(lock_ttl, LOCK_TTL, DURATION, "", "10s", "100ms", "1h", ELECTION, 0, 0,                                          \
      "How long a lease lasts without a heartbeat; the same for all candidates of an election.") SEP                   \
    X(heartbeat_interval, HEARTBEAT_INTERVAL, DURATION, "auto", "auto", "10ms", "1h", ELECTION, 0, 0,                  \
      "How often the leader renews its lease; auto: 0.3 x lock_ttl.") SEP                                              \
    X(retry_interval, RETRY_INTERVAL, DURATION, "auto", "auto", "10ms", "1h", ELECTION, 0, 0,                          \
      "The pause after a failed try; auto: 0.2 x lock_ttl.") SEP                                                       \
    X(clock_margin, CLOCK_MARGIN, DURATION, "auto", "auto", "20ms", "30m", ELECTION, 0, 0,                             \
      "How long before its end a lease is given up, at most lock_ttl / 2; auto: a tenth of it, or 20ms.") SEP          \
    X(drain_timeout, DRAIN_TIMEOUT, DURATION, "", "8s", "0", "24h", ELECTION, 0, 0,                                    \
      "How long a leader that steps down keeps its lease until its work has ended.") SEP                               \
    X(restart_grace, RESTART_GRACE, DURATION, "auto", "auto", "0", "24h", ELECTION, 0, 0,                              \
      "How long a restarted store is not trusted to remember a leader; auto: lock_ttl, which is the least; 0: no wait.") SEP               \
    X(wait_replicas, WAIT_REPLICAS, ENUM, "off|all", "off", "", "", ELECTION, 0, 0,                                    \
      "Redis: all makes a write count only once every replica has it, so that a promoted one knows the leader.") SEP   \
    X(password, PASSWORD, LINE, "", "", "0", "4096", CLIENT, 1, 1,                                                     \
      "For the store; instead of one in its URL.") SEP                                                                 \
    X(password_file, PASSWORD_FILE, LINE, "", "", "0", "4096", CLIENT, 1, 0,                                           \
      "A file with the password, its first line; read again at each connect.") SEP                                     \
    X(tls_ca_file, TLS_CA_FILE, LINE, "", "", "0", "4096", CLIENT, 1, 0,                                               \
      "TLS: certificates (PEM) of the authorities to trust; empty, and tls_ca_dir too: those of the system.") SEP      \
    X(tls_ca_dir, TLS_CA_DIR, LINE, "", "", "0", "4096", CLIENT, 1, 0,                                                 \
      "TLS: a directory of such certificates, with hashed names.") SEP                                                 \
    X(tls_cert_file, TLS_CERT_FILE, LINE, "", "", "0", "4096", CLIENT, 1, 0,                                           \
      "TLS: our own certificate and its chain (PEM), where the server asks for one.") SEP                              \
    X(tls_key_file, TLS_KEY_FILE, LINE, "", "", "0", "4096", CLIENT, 1, 0,                                             \
      "TLS: the key (PEM) of tls_cert_file; empty: it is in that file.") SEP                                           \
    X(tls_server_name, TLS_SERVER_NAME, LINE, "", "", "0", "253", CLIENT, 1, 0,                                        \
      "TLS: the name that the server's certificate must bear; empty: the host of the URL.") SEP                        \
    X(tls_min_version, TLS_MIN_VERSION, ENUM, "1.2|1.3", "1.2", "", "", CLIENT, 1, 0,                                  \
      "TLS: the oldest version to speak.") SEP                                                                         \
    X(tls_verify, TLS_VERIFY, ENUM, "on|off", "on", "", "", CLIENT, 1, 0,                                              \
      "TLS: off trusts any certificate, and whoever stands in between; it is logged.") SEP                             \
    X(log_level, LOG_LEVEL, ENUM, "off|error|warn|info|debug", "off", "", "", CLIENT, 1, 0,                            \
      "Which events are logged.") SEP                                                                                  \
    X(allow_filesystem, ALLOW_FILESYSTEM, LINE, "", "", "0", "256", CLIENT, 0, 0,                                      \
      "local: only: further types of file system to trust, with commas between.")
/* clang-format on */

#define ELECT__HIDDEN "***" /* stands where a secret does */

enum elect__option {
#define ELECT__OPTION_ENUM(name, NAME, ...) ELECT__OPT_##NAME
#define ELECT__OPTION_COMMA ,
    ELECT__OPTION_TABLE(ELECT__OPTION_ENUM, ELECT__OPTION_COMMA),
#undef ELECT__OPTION_ENUM
    ELECT__OPTION_COUNT
};

struct elect__option_row {
    const char *name;
    enum elect__option_kind kind;
    const char *words; /* accepted words, "|" between */
    const char *default_, *min, *max;
    enum elect__option_scope scope;
    bool dynamic; /* may be changed by an update */
    bool secret;  /* never shown */
    const char *env, *help;
};
extern const struct elect__option_row elect__options_rows[ELECT__OPTION_COUNT];

/* ELECT__OPTION_COUNT for a name that is not in the table. */
enum elect__option elect__option_find(const char *name);

enum { ELECT__RULE_SIZE = 512 }; /* enough for any rule */

/* Checks value by itself against its row. ELECT_OK, ELECT_EINVAL or ELECT_ENOMEM, with the rule it breaks in rule. */
int32_t elect__option_check(enum elect__option option, const char *value, char *rule, size_t rule_size);

/* Writes label="value": rule, with nothing secret in it. label: the option's name, or where its value came from. */
void elect__option_blame(enum elect__option option, const char *label, const char *value, const char *rule, char *out,
                         size_t size);
#endif
