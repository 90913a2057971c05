/* Options, resolved and validated: what the rest of the library reads. */
#ifndef ELECT_SRC_SETTINGS_H
#define ELECT_SRC_SETTINGS_H
#include <elect/elect.h>
#include <stdbool.h>
#include <stdint.h>

struct elect__env;

/* Strings lie in the same block of memory, never NULL: "" when unset. Each field is the option of its name in
 * option_table.h. Never changed once made: an update makes another. */
struct elect__settings {
    const char *store; /* as given; elect__url_redact() before anybody sees it */
    const char *prefix, *name, *instance_id, *hostname, *address, *metadata, *layout, *allow_filesystem;
    const char *lock_key, *info_key;
    const char *password; /* secret */
    const char *password_file;
    const char *tls_ca_file, *tls_ca_dir, *tls_cert_file, *tls_key_file, *tls_server_name;
    const char *tls_min_version;
    const char *warning; /* allowed, but unwise: to be logged once as WARN; "": nothing */
    bool observer;       /* role=observer */
    bool wait_replicas;  /* wait_replicas=all */
    bool tls_verify;     /* tls_verify=on */
    int64_t lock_ttl_ns, heartbeat_interval_ns, retry_interval_ns; /* derived from lock_ttl where unset */
    int64_t clock_margin_ns;                                       /* max(lock_ttl / 10, 20 ms) where unset */
    int64_t drain_timeout_ns;
    int64_t restart_grace_ns; /* auto: lock_ttl */
    uint64_t told;     /* a hash of what may change of that which the others are told: address and metadata; never 0 */
    int32_t log_level; /* enum elect_level; 0: off */
};

enum {
    ELECT__NAME_MAX = 200, /* bytes of an election's name */
    ELECT__INSTANCE_ID_MAX = 256,
    ELECT__INFO_MAX = 8192,    /* bytes of the JSON that a store keeps of a leader */
    ELECT__INFO_OVERHEAD = 512 /* of these, what is not instance_id, hostname, address and metadata */
};

/* Makes settings of options. Of one option the first of these counts: set by code in election, by code in client, taken
 * from the environment into election, into client, the query of the store's URL, the default.
 * election NULL: the client's own settings, of which no name is asked. Given: a client's option in it, set by code, is
 * ELECT_EINVAL; from the environment, which names options of both, it is passed over.
 * default_instance_id: for an unset instance_id; NULL: "".
 * ELECT_OK, ELECT_EINVAL or ELECT_ENOMEM; *out is NULL on failure. The error text (cleared on success) goes to
 * election, or to client when election is NULL: a client's options that elections share are only read. */
int32_t elect__settings_resolve(elect_options_t *client, elect_options_t *election, const char *default_instance_id,
                                struct elect__settings **out);

/* The settings in use with changes over them. Only dynamic options of the scope are accepted: a client's for
 * elect_client_update, an election's for elect_election_update. Results and error text as above. */
int32_t elect__settings_update(const struct elect__settings *in_use, elect_options_t *changes, bool of_client,
                               struct elect__settings **out);

/* Of the option called name; -1: that is no duration of an election. */
int64_t elect__settings_time_ns(const struct elect__settings *settings, const char *name);

/* Takes NULL. */
void elect__settings_free(struct elect__settings *settings);

/* Draws the default instance id, hostname-<16 hex>, into id. ELECT_OK; ELECT_ESTORE: there is no randomness. */
int32_t elect__instance_id_draw(const struct elect__env *env, const char *hostname,
                                char id[ELECT__INSTANCE_ID_MAX + 1]);
#endif
