/* libFuzzer: bytes as operations of several candidates on the register that all stores are measured by, on two servers
 * whose clocks may be stepped, and with data that gets lost. Each answer and each change is held to ledger.h. */
#include "fuzz.h"
#include "ledger.h"
#include <elect/elect.h>

enum { OPERATIONS = 400, GRANTS = 4 };
#define BEGIN_US INT64_C(1790000000000000)
#define SECOND_US 1000000

struct world {
    struct fuzz_bytes bytes;
    struct elect__ledger ledger, before; /* before: when the operation came, without what had expired */
    struct elect__ledger_server server;
    struct elect__op op;
    struct elect__ledger_request request;
    struct elect__reply reply;
    uint64_t seq, attempts, highest; /* highest: the last epoch that was granted, while its record is there */
    struct {
        uint64_t attempt, epoch;
    } grants[GRANTS];
};

static int64_t between(struct world *w, int64_t first, int64_t last)
{
    return first + (int64_t)fuzz_draw(&w->bytes, (uint64_t)(last - first) + 1);
}

/* ---- what happens to a store ---- */

static void pass(struct world *w)
{
    const int64_t until_us = w->ledger.lock.held ? w->ledger.lock.until_us : w->ledger.record.lease_until_us;
    switch (fuzz_draw(&w->bytes, 8)) {
    case 0:
        w->server.now_us += between(w, -40, 40) * SECOND_US / 4;
        break;
    case 1:
        if (until_us > 0)
            w->server.now_us = until_us - between(w, 0, 1);
        break;
    case 2:
        w->server.now_us = between(w, 0, (int64_t)ELECT__EPOCH_END); /* where epochs end, clocks may */
        break;
    default:
        w->server.now_us += between(w, 0, 255) * SECOND_US / 50;
    }
}

static void suffer(struct world *w)
{
    switch (fuzz_draw(&w->bytes, 24)) {
    case 0:
        memset(&w->ledger.lock, 0, sizeof w->ledger.lock);
        break;
    case 1:
        memset(&w->ledger.record, 0, sizeof w->ledger.record);
        w->highest = 0;
        break;
    case 2:
        w->server.id[0] = w->server.id[0] == 'a' ? 'b' : 'a';
        w->server.started_at_us = w->server.now_us - between(w, 0, 20) * SECOND_US;
        break;
    case 3:
        w->highest = w->ledger.record.epoch = fuzz_draw(&w->bytes, ELECT__EPOCH_END + 2);
        break;
    default:
        break;
    }
}

/* ---- what is asked ---- */

static void ask(struct world *w)
{
    size_t grant = (size_t)fuzz_draw(&w->bytes, GRANTS);
    w->op = (struct elect__op){.verb = (enum elect__verb)between(w, ELECT__PROBE, ELECT__RELEASE), .seq = ++w->seq};
    if (w->op.verb == ELECT__ACQUIRE) {
        w->op.attempt = ++w->attempts;
        w->op.highest_epoch = fuzz_draw(&w->bytes, 4) ? w->highest : fuzz_draw(&w->bytes, ELECT__EPOCH_END + 2);
        w->op.loss_waited = fuzz_draw(&w->bytes, 4) == 0;
        if (fuzz_draw(&w->bytes, 4) == 0)
            memcpy(w->op.server_waited, w->server.id, sizeof w->op.server_waited);
    } else {
        w->op.attempt = w->grants[grant].attempt;
        w->op.epoch = fuzz_draw(&w->bytes, 8) ? w->grants[grant].epoch : fuzz_draw(&w->bytes, 3);
    }
    w->request = (struct elect__ledger_request){.op = &w->op,
                                                .id = fuzz_draw(&w->bytes, 4),
                                                .ttl_us = between(w, 1, 20) * SECOND_US / 2,
                                                .grace_us = between(w, 0, 2) * 4 * SECOND_US};
    w->before = w->ledger;
    elect__ledger_expire(&w->before, w->server.now_us);
    elect__ledger_apply(&w->ledger, &w->server, &w->request, &w->reply);
}

/* ---- what must have come of it ---- */

static bool unchanged(const struct world *w)
{
    return memcmp(&w->ledger, &w->before, sizeof w->ledger) == 0;
}

static bool is_ours(const struct world *w)
{
    return w->before.lock.held && w->before.lock.attempt == w->op.attempt;
}

static bool record_is_of_lock(const struct elect__ledger *ledger)
{
    return ledger->record.epoch != 0 && ledger->record.attempt == ledger->lock.attempt;
}

static void check_won(struct world *w)
{
    const struct elect__ledger_record *was = &w->before.record, *is = &w->ledger.record;
    const struct elect__ledger_lock *lock = &w->ledger.lock;
    int64_t now_us = w->server.now_us, grace_us = w->request.grace_us;
    require(w->op.verb == ELECT__ACQUIRE && !w->before.lock.held);
    bool impossible = was->lease_until_us - now_us > was->ttl_us + SECOND_US; /* the clock was stepped back */
    require(was->epoch == 0 || was->released || now_us >= was->lease_until_us || (impossible && w->op.loss_waited));
    require(grace_us == 0 || now_us - w->server.started_at_us >= grace_us);
    require(grace_us == 0 || was->epoch == 0 || strcmp(was->server, w->server.id) == 0 ||
            strcmp(w->op.server_waited, w->server.id) == 0);
    require(was->epoch >= w->op.highest_epoch || w->op.loss_waited);
    require(w->reply.epoch > was->epoch && w->reply.epoch > w->op.highest_epoch);
    require(w->reply.epoch > w->highest && w->reply.epoch < ELECT__EPOCH_END);
    require(w->reply.attempt == w->op.attempt);
    require(lock->held && lock->attempt == w->op.attempt && lock->until_us == now_us + w->request.ttl_us);
    require(is->epoch == w->reply.epoch && is->attempt == w->op.attempt && !is->released);
    require(is->lease_until_us == lock->until_us && strcmp(is->server, w->server.id) == 0);
    require(lock->id == w->request.id);
    memmove(w->grants + 1, w->grants, sizeof w->grants - sizeof w->grants[0]);
    w->grants[0].attempt = w->op.attempt;
    w->grants[0].epoch = w->highest = w->reply.epoch;
}

static void check_renewed(const struct world *w)
{
    require(w->op.verb == ELECT__RENEW && is_ours(w) && record_is_of_lock(&w->before));
    require(w->before.record.epoch == w->op.epoch);
    require(w->reply.epoch == w->op.epoch && w->reply.attempt == w->op.attempt);
    require(w->ledger.lock.until_us == w->server.now_us + w->request.ttl_us);
    require(w->ledger.record.lease_until_us == w->ledger.lock.until_us && w->ledger.record.epoch == w->op.epoch);
}

static void check_released(const struct world *w)
{
    require(w->op.verb == ELECT__RELEASE);
    require(is_ours(w) ? !w->ledger.lock.held : unchanged(w));
    if (is_ours(w))
        require(w->ledger.record.released == (record_is_of_lock(&w->before) || w->before.record.released));
    require(w->ledger.record.epoch == w->before.record.epoch);
}

/* Of a clock that was ahead. */
static bool outlasts_its_ttl(const struct world *w)
{
    const struct elect__ledger_record *record = &w->before.record;
    return !record->released && record->lease_until_us - w->server.now_us > record->ttl_us + SECOND_US;
}

static void check_refused(const struct world *w)
{
    const struct elect__reply *r = &w->reply;
    bool looks = w->op.verb == ELECT__ACQUIRE || w->op.verb == ELECT__PROBE;
    require(unchanged(w));
    switch (r->outcome) {
    case ELECT__HELD:
        require(looks && w->before.lock.held && r->left_ns > 0 && r->attempt == w->before.lock.attempt);
        require(r->own_id == (w->before.lock.id == w->request.id));
        require(r->epoch == (record_is_of_lock(&w->before) ? w->before.record.epoch : 0));
        break;
    case ELECT__FREE:
        require(w->op.verb == ELECT__PROBE && !w->before.lock.held);
        break;
    case ELECT__WAIT:
        require(looks && !w->before.lock.held && r->left_ns > 0);
        break;
    case ELECT__TAKEN:
        require(w->op.verb == ELECT__RENEW && w->before.lock.held && !is_ours(w));
        break;
    case ELECT__DELETED:
        require(w->op.verb == ELECT__RENEW && (!w->before.lock.held || is_ours(w)));
        break;
    case ELECT__CHANGED:
        require(w->op.verb == ELECT__ACQUIRE && strcmp(r->server, w->server.id) == 0 && w->request.grace_us > 0);
        break;
    case ELECT__LOST_DATA:
        require(w->op.verb == ELECT__ACQUIRE && !w->op.loss_waited);
        require(w->before.record.epoch < w->op.highest_epoch || outlasts_its_ttl(w));
        break;
    default:
        require(r->outcome == ELECT__REFUSED && w->op.verb == ELECT__ACQUIRE && r->code == ELECT_ESTORE);
        require(w->before.record.epoch >= ELECT__EPOCH_END - 1 || w->op.highest_epoch >= ELECT__EPOCH_END - 1 ||
                w->server.now_us >= (int64_t)ELECT__EPOCH_END);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w;
    memset(&w, 0, sizeof w);
    w.bytes = (struct fuzz_bytes){data, size};
    w.server = (struct elect__ledger_server){"a", BEGIN_US, BEGIN_US - 3600 * (int64_t)SECOND_US};
    for (int i = 0; i < OPERATIONS && w.bytes.left > 0; i++) {
        pass(&w);
        suffer(&w);
        ask(&w);
        require(w.reply.seq == w.op.seq);
        if (w.reply.outcome == ELECT__WON)
            check_won(&w);
        else if (w.reply.outcome == ELECT__RENEWED)
            check_renewed(&w);
        else if (w.reply.outcome == ELECT__RELEASED)
            check_released(&w);
        else
            check_refused(&w);
    }
    return 0;
}
