/* The keys and values of each layout, to the letter: others read them. */
#include "stores/redis_layout.h"
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static struct elect__settings settings_of(const char *layout)
{
    return (struct elect__settings){
        .prefix = "elect", .instance_id = "n 1", .layout = layout, .lock_key = "", .info_key = ""};
}

static struct elect__redis_keys *keys_of(const struct elect__settings *settings, const char *name)
{
    struct elect__redis_keys *keys = NULL;
    char error[256] = "";
    cr_assert_eq(elect__redis_keys_new(settings, name, &keys, error, sizeof error), ELECT_OK, "%s", error);
    return keys;
}

static void assert_keys(const struct elect__settings *settings, const char *name,
                        const struct elect__redis_keys *wanted)
{
    struct elect__redis_keys *keys = keys_of(settings, name);
    cr_assert_str_eq(keys->layout->name, settings->layout);
    cr_assert_str_eq(keys->lock, wanted->lock);
    cr_assert_str_eq(keys->term, wanted->term ? wanted->term : "");
    cr_assert_str_eq(keys->history, wanted->history ? wanted->history : "");
    cr_assert_str_eq(keys->epoch, wanted->epoch ? wanted->epoch : "");
    cr_assert_str_eq(keys->info, wanted->info ? wanted->info : "");
    cr_assert_str_eq(keys->channel, wanted->channel);
    free(keys);
}
#define KEYS(...) (&(struct elect__redis_keys){__VA_ARGS__})

Test(redis_layout, our_own_keys_share_a_slot)
{
    struct elect__settings settings = settings_of("elect");
    assert_keys(&settings, "job",
                KEYS(.lock = "elect:{job}:leader", .term = "elect:{job}:term", .history = "elect:{job}:history",
                     .channel = "elect:{job}:events"));
    settings.prefix = "team:x";
    assert_keys(&settings, "job",
                KEYS(.lock = "team:x:{job}:leader", .term = "team:x:{job}:term", .history = "team:x:{job}:history",
                     .channel = "team:x:{job}:events"));
}

Test(redis_layout, plain_keys_stand_beside_the_lock_in_its_slot)
{
    struct elect__settings settings = settings_of("plain");
    settings.lock_key = "app:lock";
    assert_keys(&settings, "job",
                KEYS(.lock = "app:lock", .epoch = "{app:lock}:epoch", .info = "{app:lock}:info",
                     .channel = "{app:lock}:events"));
    settings.lock_key = "{app}:lock"; /* another pair of braces would be hashed otherwise */
    assert_keys(&settings, "job",
                KEYS(.lock = "{app}:lock", .epoch = "{app}:lock:epoch", .info = "{app}:lock:info",
                     .channel = "{app}:lock:events"));
    settings.lock_key = "{}lock"; /* nothing is in them: hashed whole */
    assert_keys(
        &settings, "job",
        KEYS(.lock = "{}lock", .epoch = "{{}lock}:epoch", .info = "{{}lock}:info", .channel = "{{}lock}:events"));
}

Test(redis_layout, maplefiles_keys_have_defaults)
{
    struct elect__settings settings = settings_of("maplefile");
    assert_keys(&settings, "job",
                KEYS(.lock = "maplefile:leader:lock", .epoch = "{maplefile:leader:lock}:epoch",
                     .info = "maplefile:leader:info", .channel = "{maplefile:leader:lock}:events"));
    settings.lock_key = "l";
    settings.info_key = "i";
    assert_keys(&settings, "job", KEYS(.lock = "l", .epoch = "{l}:epoch", .info = "i", .channel = "{l}:events"));
}

Test(redis_layout, electors_word_election_stands_in_its_keys)
{
    struct elect__settings settings = settings_of("elector");
    assert_keys(&settings, "my-app",
                KEYS(.lock = "my-app:{election}:leader", .epoch = "my-app:{election}:epoch",
                     .channel = "my-app:{election}:leader:events"));
}

Test(redis_layout, go_leaders_documented_key)
{
    struct elect__settings settings = settings_of("go-leader");
    assert_keys(&settings, "io.vito.myServiceName",
                KEYS(.lock = "leader:QIXXSNBBCT7UTX2L74L5P7DP6XIOD7MM",
                     .epoch = "{leader:QIXXSNBBCT7UTX2L74L5P7DP6XIOD7MM}:epoch",
                     .channel = "{leader:QIXXSNBBCT7UTX2L74L5P7DP6XIOD7MM}:events"));
}

static void assert_refused(const struct elect__settings *settings, const char *word)
{
    struct elect__redis_keys *keys;
    char error[256] = "";
    cr_assert_eq(elect__redis_keys_new(settings, "job", &keys, error, sizeof error), ELECT_EINVAL);
    cr_assert_null(keys);
    cr_assert_not_null(strstr(error, word), "%s", error);
}

Test(redis_layout, keys_that_would_be_one_are_refused)
{
    struct elect__settings settings = settings_of("maplefile");
    settings.info_key = "maplefile:leader:lock";
    assert_refused(&settings, "info_key");
    settings.info_key = "{maplefile:leader:lock}:epoch";
    assert_refused(&settings, "info_key");
    settings = settings_of("plain");
    assert_refused(&settings, "lock_key");
    settings = settings_of("none");
    assert_refused(&settings, "layout");
}

Test(redis_layout, the_longest_keys_are_whole)
{
    char lock[ELECT__REDIS_KEY_MAX + 1], prefix[201], name[ELECT__NAME_MAX + 1];
    struct elect__settings settings = settings_of("plain");
    memset(lock, 'k', sizeof lock - 1);
    memset(prefix, 'p', sizeof prefix - 1);
    memset(name, 'n', sizeof name - 1);
    lock[sizeof lock - 1] = prefix[sizeof prefix - 1] = name[sizeof name - 1] = '\0';
    settings.lock_key = lock;
    struct elect__redis_keys *keys = keys_of(&settings, "job");
    cr_assert_eq(strlen(keys->epoch), sizeof lock - 1 + strlen("{}:epoch"));
    free(keys);
    settings = settings_of("elect");
    settings.prefix = prefix;
    keys = keys_of(&settings, name);
    cr_assert_eq(strlen(keys->history), 200 + ELECT__NAME_MAX + strlen(":{}:history"));
    free(keys);
}

Test(redis_layout, a_value_of_our_own_bears_the_attempt)
{
    struct elect__settings settings = settings_of("elect");
    const struct elect__redis_layout *layout = elect__redis_layout_find("elect");
    char value[ELECT__REDIS_VALUE_SIZE], id[ELECT__INSTANCE_ID_MAX + 1];
    uint64_t attempt = 0;
    elect__redis_value_write(layout, &settings, "", UINT64_C(0xfedcba9876543210), value);
    cr_assert_str_eq(value, "n 1 fedcba9876543210");
    cr_assert_eq(elect__redis_value_read(layout, value, &attempt), 3);
    cr_assert_eq(attempt, UINT64_C(0xfedcba9876543210));
    memset(id, 'i', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    settings.instance_id = id;
    elect__redis_value_write(layout, &settings, "", 1, value);
    cr_assert_eq(strlen(value), ELECT__INSTANCE_ID_MAX + 17);
    cr_assert_eq(elect__redis_value_read(layout, value, &attempt), ELECT__INSTANCE_ID_MAX);
    cr_assert_eq(attempt, 1);
}

Test(redis_layout, a_value_that_is_not_to_the_letter_is_of_no_attempt)
{
    static const char *const values[] = {"",
                                         "x",
                                         "fedcba9876543210",
                                         " fedcba9876543210",
                                         "a fedcba987654321",
                                         "a FEDCBA9876543210",
                                         "a-fedcba9876543210",
                                         "a fedcba9876543210 ",
                                         "a 0000000000000000",
                                         "a 0xdcba9876543210",
                                         "a fedcba98765432100"};
    const struct elect__redis_layout *layout = elect__redis_layout_find("elect");
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        uint64_t attempt = 7;
        cr_assert_eq(elect__redis_value_read(layout, values[i], &attempt), strlen(values[i]), "%s", values[i]);
        cr_assert_eq(attempt, 0, "%s", values[i]);
    }
}

Test(redis_layout, plain_values_are_the_id_and_random_ones_of_one_attempt)
{
    struct elect__settings settings = settings_of("plain");
    char value[ELECT__REDIS_VALUE_SIZE], again[ELECT__REDIS_VALUE_SIZE];
    uint64_t attempt = 7;
    const struct elect__redis_layout *layout = elect__redis_layout_find("plain");
    elect__redis_value_write(layout, &settings, "i", 1, value);
    cr_assert_str_eq(value, "n 1");
    cr_assert_eq(elect__redis_value_read(layout, "n 1 fedcba9876543210", &attempt), 20);
    cr_assert_eq(attempt, 0);
    layout = elect__redis_layout_find("go-leader");
    elect__redis_value_write(layout, &settings, "i", 1, value);
    elect__redis_value_write(layout, &settings, "i", 1, again);
    cr_assert_str_eq(value, again);
    cr_assert_eq(strlen(value), 32);
    cr_assert_str_eq(value + 26, "======");
    elect__redis_value_write(layout, &settings, "i", 2, again);
    cr_assert_str_neq(value, again);
    elect__redis_value_write(layout, &settings, "j", 1, again);
    cr_assert_str_neq(value, again);
}

/* ---- without a hash ---- */

/* The linker gives these names. NOLINTBEGIN(bugprone-reserved-identifier) */
int __real_EVP_Digest(const void *bytes, size_t length, unsigned char *hash, unsigned int *size, const EVP_MD *how,
                      ENGINE *engine);
int __wrap_EVP_Digest(const void *bytes, size_t length, unsigned char *hash, unsigned int *size, const EVP_MD *how,
                      ENGINE *engine);
/* NOLINTEND(bugprone-reserved-identifier) */

static bool fails;

int __wrap_EVP_Digest(const void *bytes, size_t length, unsigned char *hash, unsigned int *size, const EVP_MD *how,
                      ENGINE *engine)
{
    return fails ? 0 : __real_EVP_Digest(bytes, length, hash, size, how, engine);
}

Test(redis_layout, without_a_hash_there_is_no_key_and_no_value)
{
    struct elect__settings settings = settings_of("go-leader");
    const struct elect__redis_layout *layout = elect__redis_layout_find("go-leader");
    struct elect__redis_keys *keys;
    char value[ELECT__REDIS_VALUE_SIZE], error[200];
    fails = true;
    cr_assert_eq(elect__redis_keys_new(&settings, "job", &keys, error, sizeof error), ELECT_ENOMEM);
    cr_assert_null(keys);
    cr_assert_not(elect__redis_value_write(layout, &settings, "i", 1, value), "two candidates would have the same");
}
