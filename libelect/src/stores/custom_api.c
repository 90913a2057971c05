/* What the application's threads ask of custom:. */
#include "../client.h"
#include "../text.h"
#include "custom.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ELECT_OK: operations may be had of this client. */
static int32_t check(const elect_client_t *client)
{
    if (!client)
        return ELECT_EINVAL;
    if (elect__client_forked(client))
        return ELECT_EFORKED;
    return client->ops ? ELECT_OK : ELECT_ESTATE;
}

int32_t elect_client_next_op(elect_client_t *client, int64_t timeout_ms, elect_op_t **out)
{
    if (!out)
        return ELECT_EINVAL;
    *out = NULL;
    int32_t code = check(client);
    if (code != ELECT_OK)
        return code;
    struct elect__ops *ops = client->ops;
    elect__ops_ref(ops); /* the handle may be freed meanwhile */
    code = elect__ops_pop(ops, elect__gate_deadline(timeout_ms), out);
    elect__ops_unref(ops);
    return code;
}

int32_t elect_client_op_fd(const elect_client_t *client)
{
    int32_t code = check(client);
    return code == ELECT_OK ? client->ops->fd : code;
}

int32_t elect_client_key_changed(elect_client_t *client, const char *key)
{
    int32_t code = key ? check(client) : ELECT_EINVAL;
    return code == ELECT_OK ? elect__ops_change(client->ops, key) : code;
}

/* ---- operations ---- */

int32_t elect_op_kind(const elect_op_t *op)
{
    return op ? op->kind : 0;
}

const char *elect_op_key(const elect_op_t *op)
{
    return op ? op->key : "";
}

const char *elect_op_value(const elect_op_t *op)
{
    return op && op->value ? op->value : "";
}

const char *elect_op_version(const elect_op_t *op)
{
    return op ? op->version : "";
}

int64_t elect_op_remaining_ms(const elect_op_t *op)
{
    if (!op || atomic_load(&op->given_up) || getpid() != op->ops->pid)
        return 0;
    int64_t left_ns = op->deadline_ns - op->ops->env->boot_ns(op->ops->env->ctx);
    return left_ns > 0 ? left_ns / ELECT__MS : 0;
}

/* ---- completing ---- */

/* A mistake of the application's is a failure of the store, never a success; and a write may have been applied. */
static void blame(elect_op_t *op, const char *rule)
{
    op->answer = (struct elect__register_answer){
        .code = op->kind == ELECT_OP_WRITE ? ELECT_EUNKNOWN : ELECT_ESTORE, .broken = true, .text = op->text};
    snprintf(op->text, sizeof op->text, "elect_op_complete, %s: %s", op->kind == ELECT_OP_WRITE ? "write" : "read",
             rule);
}

static bool is_allowed(int32_t kind, int32_t code)
{
    return code == ELECT_OK || (code == ELECT_ESTATE && kind == ELECT_OP_WRITE) || code == ELECT_EUNKNOWN ||
           code == ELECT_ESTORE || code == ELECT_EAUTH || code == ELECT_EUNREACHABLE;
}

static void take_failure(elect_op_t *op, int32_t code, const char *text)
{
    op->answer.code = code;
    if (!*text)
        return;
    if (elect__utf8_valid(text)) {
        size_t length = elect__utf8_cut(text, sizeof op->text);
        memcpy(op->text, text, length);
        op->text[length] = '\0';
    } else {
        char shown[ELECT__SHOW_SIZE];
        snprintf(op->text, sizeof op->text, "%s", elect__text_show(text, shown));
    }
    op->answer.text = op->text;
}

static void take_success(elect_op_t *op, const char *version, const char *value)
{
    bool reads = op->kind == ELECT_OP_READ;
    size_t length = strnlen(value, ELECT__CAS_TEXT_MAX + 1);
    if (strnlen(version, ELECT__VERSION_SIZE) == ELECT__VERSION_SIZE)
        blame(op, "a version has less than 128 bytes");
    else if (!elect__utf8_line(version))
        blame(op, "a version is UTF-8 without control characters");
    else if (reads && !*version && *value)
        blame(op, "a value that is there has a version");
    else if (reads && length > ELECT__CAS_TEXT_MAX)
        blame(op, "a value has at most 65536 bytes");
    else if (!reads && !*version)
        blame(op, "what was written has a version");
    else if (!reads && strcmp(version, op->version) == 0)
        blame(op, "a write changes the version");
    else {
        snprintf(op->new_version, sizeof op->new_version, "%s", version);
        op->found = reads ? strdup(value) : NULL;
        op->answer = (struct elect__register_answer){
            .version = op->new_version, .value = op->found ? op->found : "", .length = length};
        if (reads && !op->found)
            op->answer = (struct elect__register_answer){.code = ELECT_ENOMEM, .version = ""};
    }
}

/* In a child it is memory, which the parent's threads have copies of. */
void elect_op_complete(elect_op_t *op, int32_t code, const char *version, const char *value, const char *text)
{
    char rule[80];
    if (!op)
        return;
    if (getpid() != op->ops->pid || atomic_load(&op->given_up)) {
        elect__op_free(op);
        return;
    }
    op->answer.version = op->answer.value = "";
    if (!is_allowed(op->kind, code)) {
        snprintf(rule, sizeof rule, "code %d is none that it may have", (int)code);
        blame(op, rule);
    } else if (code == ELECT_OK) {
        take_success(op, version ? version : "", value ? value : "");
    } else {
        take_failure(op, code, text ? text : "");
    }
    if (!op->answer.version)
        op->answer.version = op->answer.value = "";
    if (!elect__ops_complete(op->ops, op))
        elect__op_free(op);
}
