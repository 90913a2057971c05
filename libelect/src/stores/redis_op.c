#include "redis_op.h"
#include <string.h>

/* ---- writing ---- */

enum { NANOSECONDS_OF_MS = 1000000 };

/* A command under way; numbers are written into the scratch. */
struct writer {
    struct elect__redis_command *command;
    struct elect__redis_scratch *scratch;
    int numbers;
};

static void add_bytes(struct writer *writer, const char *bytes, size_t length)
{
    struct elect__redis_command *command = writer->command;
    command->argv[command->argc] = bytes;
    command->length[command->argc++] = length;
}

static void add(struct writer *writer, const char *text)
{
    add_bytes(writer, text, strlen(text));
}

static void add_number(struct writer *writer, uint64_t number)
{
    char *digits = writer->scratch->numbers[writer->numbers++];
    add_bytes(writer, digits, elect__text_digits(number, digits));
}

/* Rounded up: a lock that ended before its holder's deadline would be nobody's for a moment. */
static void add_ms(struct writer *writer, int64_t ns)
{
    add_number(writer, (uint64_t)((ns + NANOSECONDS_OF_MS - 1) / NANOSECONDS_OF_MS));
}

static void add_flag(struct writer *writer, bool flag)
{
    add(writer, flag ? "1" : "0");
}

/* EVALSHA or EVAL with the layout's keys: lock, term, history of our own, lock and epoch of the others. */
static struct writer begin(const struct elect__redis_keys *keys, enum elect__redis_script script, bool by_text,
                           struct elect__redis_scratch *scratch, struct elect__redis_command *command)
{
    struct writer writer = {.command = command, .scratch = scratch};
    bool native = keys->layout->native,
         history = script == ELECT__REDIS_ACQUIRE || script == ELECT__REDIS_RELEASE || script == ELECT__REDIS_FORGET;
    command->argc = 0;
    add(&writer, by_text ? "EVAL" : "EVALSHA");
    add(&writer, by_text ? elect__redis_script_text(script) : elect__redis_script_sha(script));
    add(&writer, history ? "3" : "2");
    add(&writer, keys->lock);
    add(&writer, native ? keys->term : keys->epoch);
    if (history)
        add(&writer, keys->history);
    return writer;
}

static void write_acquire(const struct elect__redis_party *party, const struct elect__op *op, bool by_text,
                          struct elect__redis_scratch *scratch, struct elect__redis_command *command)
{
    const struct elect__redis_layout *layout = party->keys->layout;
    enum elect__redis_script script = layout->native ? ELECT__REDIS_ACQUIRE : ELECT__REDIS_PLAIN_ACQUIRE;
    struct writer writer = begin(party->keys, script, by_text, scratch, command);
    add(&writer, scratch->value);
    add_ms(&writer, party->settings->lock_ttl_ns);
    add(&writer, party->info ? party->info : "");
    if (!layout->native)
        add(&writer, party->keys->info);
    add_ms(&writer, party->settings->restart_grace_ns);
    if (layout->native)
        add(&writer, op->server_waited);
    add_number(&writer, op->highest_epoch);
    if (layout->native)
        add_flag(&writer, op->loss_waited);
    add_flag(&writer, party->no_info);
    add(&writer, party->keys->channel);
    if (!layout->native)
        add_flag(&writer, layout->epoch_counts);
}

static void write_renew(const struct elect__redis_party *party, const struct elect__op *op, bool by_text,
                        struct elect__redis_scratch *scratch, struct elect__redis_command *command)
{
    bool native = party->keys->layout->native;
    enum elect__redis_script script = native ? ELECT__REDIS_RENEW : ELECT__REDIS_PLAIN_RENEW;
    struct writer writer = begin(party->keys, script, by_text, scratch, command);
    add(&writer, scratch->value);
    add_ms(&writer, party->settings->lock_ttl_ns);
    add_number(&writer, op->epoch);
    add(&writer, party->info ? party->info : "");
    if (!native)
        add(&writer, party->keys->info);
}

static void write_release(const struct elect__redis_party *party, const struct elect__op *op, bool by_text,
                          struct elect__redis_scratch *scratch, struct elect__redis_command *command)
{
    const struct elect__redis_layout *layout = party->keys->layout;
    enum elect__redis_script script = layout->native ? ELECT__REDIS_RELEASE : ELECT__REDIS_PLAIN_RELEASE;
    struct writer writer = begin(party->keys, script, by_text, scratch, command);
    add(&writer, scratch->value);
    if (layout->native) {
        add(&writer, elect_reason_name(op->reason));
    } else {
        add_number(&writer, op->epoch);
        add_flag(&writer, layout->value_is_random);
        add(&writer, party->keys->info);
    }
    add(&writer, party->keys->channel);
}

static void write_plain(struct elect__redis_command *command, const char *verb, const char *key)
{
    struct writer writer = {.command = command};
    command->argc = 0;
    add(&writer, verb);
    if (*key)
        add(&writer, key);
}

static int write_look(const struct elect__redis_keys *keys, struct elect__redis_command *commands)
{
    write_plain(&commands[0], "GET", keys->lock);
    write_plain(&commands[1], "PTTL", keys->lock);
    return 2;
}

int elect__redis_op_write(const struct elect__redis_party *party, const struct elect__op *op, bool by_text,
                          struct elect__redis_scratch *scratch,
                          struct elect__redis_command commands[ELECT__REDIS_COMMANDS])
{
    if (!elect__redis_value_write(party->keys->layout, party->settings, party->incarnation, op->attempt,
                                  scratch->value))
        return 0;
    if (op->verb == ELECT__PROBE)
        return write_look(party->keys, commands);
    if (op->verb == ELECT__ACQUIRE)
        write_acquire(party, op, by_text, scratch, &commands[0]);
    else if (op->verb == ELECT__RENEW)
        write_renew(party, op, by_text, scratch, &commands[0]);
    else
        write_release(party, op, by_text, scratch, &commands[0]);
    return 1;
}

int elect__redis_holder_write(const struct elect__redis_keys *keys,
                              struct elect__redis_command commands[ELECT__REDIS_COMMANDS])
{
    static const char *const fields[] = {"epoch", "holder", "until", "released", "server", "ttl", "info"};
    int count = write_look(keys, commands);
    if (keys->layout->native) {
        struct writer writer = {.command = &commands[count]};
        write_plain(&commands[count++], "HMGET", keys->term);
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
            add(&writer, fields[i]);
        write_plain(&commands[count++], "TIME", "");
        return count;
    }
    write_plain(&commands[count++], "GET", keys->epoch);
    if (*keys->info)
        write_plain(&commands[count++], "GET", keys->info);
    return count;
}

int elect__redis_query_write(const struct elect__redis_keys *keys, const struct elect__query *query, bool by_text,
                             struct elect__redis_scratch *scratch,
                             struct elect__redis_command commands[ELECT__REDIS_COMMANDS])
{
    bool native = keys->layout->native;
    struct writer writer;
    if (query->kind == ELECT__QUERY_HISTORY) {
        writer = (struct writer){.command = &commands[0]};
        write_plain(&commands[0], "LRANGE", keys->history);
        add(&writer, "0");
        add(&writer, "-1");
        return native ? 1 : 0;
    }
    if (query->kind == ELECT__QUERY_DEPOSE) {
        writer = begin(keys, native ? ELECT__REDIS_DEPOSE : ELECT__REDIS_PLAIN_DEPOSE, by_text, scratch, &commands[0]);
        add_number(&writer, query->epoch);
        add(&writer, keys->channel);
        return 1;
    }
    writer = begin(keys, native ? ELECT__REDIS_FORGET : ELECT__REDIS_PLAIN_FORGET, by_text, scratch, &commands[0]);
    if (!native) {
        add(&writer, keys->info);
        add_flag(&writer, keys->layout->epoch_counts);
    }
    return 1;
}
