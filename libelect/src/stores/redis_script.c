#include "redis_script.h"
#include "../planted.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What several scripts say. `digits` writes an epoch or a time: tostring would round it. */
#define DIGITS "local digits = function(n) return string.format('%.0f', n) end\n"
/* Of fields that anybody may have written: what is no whole number is no number, as "inf", "nan" and "0x7" are to tonumber. */
#define WHOLE                                                                                                          \
    "local whole = function(text)\n"                                                                                   \
    "  return type(text) == 'string' and #text <= 16 and string.find(text, '^%d+$') and tonumber(text) or nil\n"       \
    "end\n"
#define NOW                                                                                                            \
    "local time = redis.call('TIME')\n"                                                                                \
    "local now = time[1] * 1000000 + time[2]\n"

/* rule: a replica elects nobody, also one that takes writes: its master has the lock that counts.
 * rule: a server that has just started may have forgotten a leader, whatever record it has. Its uptime is in whole
 * seconds, of which one may not have passed; a clock that was stepped back makes it negative. Who asks for a grace and
 * can't be told of it is told so before any write; but for a DEL of nothing, which a replica refuses: a grace counts from
 * when a lock could have been had, not from while the server was a replica. */
#define UPTIME                                                                                                         \
    "local server, uptime = nil, nil\n"                                                                                \
    "local young = 0\n"                                                                                                \
    "if no_info == '0' then\n"                                                                                         \
    "  local info_of = function(section)\n"                                                                            \
    "    local text = redis.pcall('INFO', section)\n"                                                                  \
    "    return type(text) == 'string' and text or ''\n"                                                               \
    "  end\n"                                                                                                          \
    "  local replication = info_of('replication')\n"                                                                   \
    "  if replication ~= '' and not string.find(replication, 'role:master') then\n"                                    \
    "    return redis.error_reply('ELECTREPLICA the server does not say role:master')\n"                               \
    "  end\n"                                                                                                          \
    "  server = string.match(replication, 'master_replid:(%x+)')\n"                                                    \
    "  if grace ~= 0 then\n"                                                                                           \
    "    uptime = tonumber(string.match(info_of('server'), 'uptime_in_seconds:(%-?%d+)') or '')\n"                     \
    "    if not (server and uptime) then\n"                                                                            \
    "      redis.call('DEL', lock)\n"                                                                                  \
    "      return {'noinfo'}\n"                                                                                        \
    "    end\n"                                                                                                        \
    "    uptime = math.max(0, uptime)\n"                                                                               \
    "    young = grace * 1000 - (uptime - 1) * 1000000\n"                                                              \
    "  end\n"                                                                                                          \
    "end\n"

/* rule: max(stored + 1, highest seen + 1, now), below 2^53; a stored one that is no such number is refused, never
 * repaired. */
#define EPOCH                                                                                                          \
    "if not number or number >= 9007199254740991 then\n"                                                               \
    "  return redis.error_reply('ELECTEPOCH the stored epoch is no number below 2^53 - 1: ' .. stored)\n"              \
    "end\n"                                                                                                            \
    "local new = math.max(number + 1, highest + 1, now)\n"                                                             \
    "if new >= 9007199254740992 then\n"                                                                                \
    "  return redis.error_reply('ELECTEPOCH no epoch is left below 2^53')\n"                                           \
    "end\n"                                                                                                            \
    "local epoch = digits(new)\n"

/* The info is JSON of ours with "epoch":0 in it, as its writer can't know the epoch before. Inside of a string the quotes
 * would be escaped. */
#define NAME_EPOCH "info = string.gsub(info, '\"epoch\":0', '\"epoch\":' .. epoch, 1)\n"

/* KEYS lock, term, history
 * answers {'won', epoch, now} | {'held', value, pttl, epoch or '0', info or '', ttl or '0', now}
 *       | {'wait', us, 'uptime' or 'lease', uptime in s, server or ''} | {'lost', stored epoch, server or ''}
 *       | {'changed', server} | {'noinfo'}; server: where it is not the record's, in each refusal, so that its grace runs
 *         beside the others
 * rule: the first write is the one that a full memory refuses. What comes after can't fail but for want of rights; the
 * history and the message may.
 * rule: who can't see the server's id stores ''. That is no server's id, so who can see it waits a grace, as for any other
 * server: a promoted replica could hold such a record of the term before. */
static const char acquire[] =
    "local lock, term, history = KEYS[1], KEYS[2], KEYS[3]\n"
    "local value, ttl, info, grace, waited = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]\n"
    "local highest, loss_waited, no_info, channel = tonumber(ARGV[6]), ARGV[7], ARGV[8], ARGV[9]\n" DIGITS WHOLE
    "local holder = redis.call('GET', lock)\n"
    "local record = redis.call('HMGET', term, 'epoch', 'holder', 'until', 'released', 'server', 'info', 'ttl')\n"
    "local stored = record[1] or '0'\n" NOW
    /* rule: the epoch is the holder's only if the record names its lock, whole */
    "if holder then\n"
    "  local named = record[2] == holder\n"
    "  return {'held', holder, redis.call('PTTL', lock), named and stored or '0', named and record[6] or '',\n"
    "    named and record[7] or '0', digits(now)}\n"
    "end\n"
    "local number = whole(stored)\n"
    "local known, released = record[1] ~= false, record[4] == '1'\n"
    "if known and number == 0 then number = nil end\n"
    "local ends = whole(record[3])\n"
    /* rule: a lease whose end can't be read may last */
    "if number and known and not released and not ends then\n"
    "  return redis.error_reply('ELECTRECORD the lease in ' .. term .. ' ends at no time: ' .. tostring(record[3]))\n"
    "end\n" UPTIME
    /* rule: a vanished lock is not a free lock */
    "local lease = 0\n"
    "if known and not released then lease = (ends or 0) - now end\n"
    /* rule: no lease lasts longer than its TTL: the clock was stepped back. What was lost then is waited for once. */
    "local impossible = lease > (whole(record[7]) or tonumber(ttl)) * 1000 + 1000000\n"
    "if impossible then lease = 0 end\n"
    /* rule: the record of another server may be of the term before, released or not */
    "local changed = known and grace ~= 0 and server and server ~= record[5] and server ~= waited\n"
    "local told = changed and server or ''\n"
    "if young > 0 or lease > 0 then\n"
    "  return {'wait', digits(math.max(young, lease)), young >= lease and 'uptime' or 'lease', digits(uptime or 0), "
    "told}\n"
    "end\n"
    /* rule: a record that is missing, or older than what was seen, was lost */
    "if number and number < highest and loss_waited == '0' then return {'lost', stored, told} end\n"
    "if number and impossible and loss_waited == '0' then return {'lost', stored, told} end\n"
    "if changed then return {'changed', server} end\n" EPOCH NAME_EPOCH "redis.call('SET', lock, value, 'PX', ttl)\n"
    "if known and not released then redis.pcall('LPUSH', history, 'E ' .. stored .. ' ' .. (record[3] or '0') .. ' ') "
    "end\n"
    "redis.call('HSET', term, 'epoch', epoch, 'holder', value, 'until', digits(now + ttl * 1000), 'released', '0',\n"
    "  'reason', '', 'server', server or '', 'ttl', ttl, 'info', info, 'depose', '0')\n"
    "redis.pcall('LPUSH', history, 'S ' .. epoch .. ' ' .. digits(now) .. ' ' .. info)\n"
    "redis.pcall('LTRIM', history, 0, 63)\n"
    "redis.pcall('PUBLISH', channel, 'elected ' .. epoch)\n"
    "return {'won', epoch, digits(now)}\n";

/* KEYS lock, term
 * answers {epoch, now, the epoch that is asked to step down or '0'} | 0: lost | -1: another's lock
 * rule: the whole value, the record's name and the epoch are compared; without its record a lock is lost, never repaired.
 * rule: PEXPIRE is the first write, as it works at maxmemory too. */
static const char renew[] =
    "local lock, term = KEYS[1], KEYS[2]\n"
    "local value, ttl, epoch, info = ARGV[1], ARGV[2], ARGV[3], ARGV[4]\n" DIGITS
    "local holder = redis.call('GET', lock)\n"
    "if not holder then return 0 end\n"
    "if holder ~= value then return -1 end\n"
    "local record = redis.call('HMGET', term, 'epoch', 'holder', 'depose')\n"
    "if record[1] ~= epoch or record[2] ~= value then return 0 end\n" NOW "redis.call('PEXPIRE', lock, ttl)\n"
    "redis.call('HSET', term, 'until', digits(now + ttl * 1000), 'ttl', ttl)\n"
    "if info ~= '' then redis.call('HSET', term, 'info', info) end\n"
    "return {epoch, digits(now), record[3] or '0'}\n";

/* KEYS lock, term, history
 * answers 1: released | 0: it is not ours
 * rule: the whole value is compared. DEL is the first write. Without the right to publish, a release still succeeds. */
static const char release[] =
    "local lock, term, history = KEYS[1], KEYS[2], KEYS[3]\n"
    "local value, reason, channel = ARGV[1], ARGV[2], ARGV[3]\n" DIGITS "local holder = redis.call('GET', lock)\n"
    "if holder ~= value then return 0 end\n"
    "local record = redis.call('HMGET', term, 'epoch', 'holder')\n" NOW "redis.call('DEL', lock)\n"
    "local epoch = '0'\n"
    "if record[1] and record[2] == holder then\n"
    "  epoch = record[1]\n"
    "  redis.call('HSET', term, 'released', '1', 'reason', reason)\n"
    "  redis.pcall('LPUSH', history, 'E ' .. epoch .. ' ' .. digits(now) .. ' ' .. reason)\n"
    "  redis.pcall('LTRIM', history, 0, 63)\n"
    "end\n"
    "redis.pcall('PUBLISH', channel, 'released ' .. epoch)\n"
    "return 1\n";

/* KEYS lock, term; ARGV: epoch or '0' for any
 * answers 1: asked | 0: nobody of ours leads, or not that epoch */
static const char depose[] = "local lock, term = KEYS[1], KEYS[2]\n"
                             "local wanted, channel = ARGV[1], ARGV[2]\n"
                             "local holder = redis.call('GET', lock)\n"
                             "local record = redis.call('HMGET', term, 'epoch', 'holder')\n"
                             "if not holder or not record[1] or record[2] ~= holder then return 0 end\n"
                             "if wanted ~= '0' and wanted ~= record[1] then return 0 end\n"
                             "redis.call('HSET', term, 'depose', record[1])\n"
                             "redis.pcall('PUBLISH', channel, 'depose ' .. record[1])\n"
                             "return 1\n";

/* KEYS lock, term, history
 * answers 1: forgotten | 0: somebody leads, or may: its lease lasts. A lease that would last longer than it ever could is
 * of a clock that was ahead once: forgetting it is the way out, as it is for a record that is damaged.
 * rule: the record of another server is what tells of a promotion. It is kept until the lease, and a TTL more for what came
 * after it, are over; so is one whose server can't be compared. */
static const char forget[] = "local lock, term, history = KEYS[1], KEYS[2], KEYS[3]\n" WHOLE
                             "if redis.call('PTTL', lock) ~= -2 then return 0 end\n"
                             "local record = redis.call('HMGET', term, 'until', 'released', 'ttl', 'server')\n" NOW
                             "local ends, longest = whole(record[1]) or 0, (whole(record[3]) or 0) * 1000\n"
                             "local left = ends - now\n"
                             "if record[2] ~= '1' and left > 0 and left <= longest then return 0 end\n"
                             "if record[4] and record[4] ~= '' and left + longest >= 0 then\n"
                             "  local text = redis.pcall('INFO', 'replication')\n"
                             "  local server = type(text) == 'string' and string.match(text, 'master_replid:(%x+)')\n"
                             "  if server ~= record[4] then return 0 end\n"
                             "end\n"
                             "redis.call('DEL', term, history)\n"
                             "return 1\n";

/* KEYS lock, epoch. info_key is '' or a key that may lie in another slot, where a cluster does not let it be written: what
 * is told of a leader is told if it can be.
 * counts: '1' where all who win raise the epoch, so that it is the holder's
 * answers as acquire does, of 'won', 'held', 'wait' and 'noinfo'
 * These locks are released by a DEL that tells nobody: a vanished lock may be a free one, and there is no record of a
 * lease or of a server. */
static const char plain_acquire[] =
    "local lock, counter = KEYS[1], KEYS[2]\n"
    "local value, ttl, info, info_key = ARGV[1], ARGV[2], ARGV[3], ARGV[4]\n"
    "local grace, highest, no_info, channel, counts = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7], ARGV[8], "
    "ARGV[9]\n" DIGITS WHOLE "local holder = redis.call('GET', lock)\n"
    "local stored = redis.call('GET', counter) or '0'\n" NOW "if holder then\n"
    "  local told = info_key ~= '' and redis.pcall('GET', info_key)\n"
    "  return {'held', holder, redis.call('PTTL', lock), counts == '1' and stored or '0',\n"
    "    type(told) == 'string' and told or '', '0', digits(now)}\n"
    "end\n"
    "local number = whole(stored)\n" UPTIME
    "if young > 0 then return {'wait', digits(young), 'uptime', digits(uptime), ''} end\n" EPOCH NAME_EPOCH
    "redis.call('SET', lock, value, 'NX', 'PX', ttl)\n"
    "redis.call('SET', counter, epoch)\n"
    "if info_key ~= '' and info ~= '' then redis.pcall('SET', info_key, info, 'PX', ttl) end\n"
    "if info_key ~= '' and info == '' then redis.pcall('DEL', info_key) end\n"
    "redis.pcall('PUBLISH', channel, 'elected ' .. epoch)\n"
    "return {'won', epoch, digits(now)}\n";

/* KEYS lock, epoch; answers as renew does
 * rule: a missing epoch answers lost, never a repair: the value alone may be another's, or ours of a term before. */
static const char plain_renew[] =
    "local lock, counter = KEYS[1], KEYS[2]\n"
    "local value, ttl, epoch, info, info_key = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]\n" DIGITS
    "local holder = redis.call('GET', lock)\n"
    "if not holder then return 0 end\n"
    "if holder ~= value then return -1 end\n"
    "if redis.call('GET', counter) ~= epoch then return 0 end\n" NOW "redis.call('PEXPIRE', lock, ttl)\n"
    "if info_key ~= '' and info ~= '' then redis.pcall('SET', info_key, info, 'PX', ttl) end\n"
    "if info_key ~= '' and info == '' then redis.pcall('PEXPIRE', info_key, ttl) end\n"
    "return {epoch, digits(now), '0'}\n";

/* KEYS lock, epoch; answers as release does
 * unique: '1' where the value is of one attempt alone
 * rule: a value that is an id only may be of another term of ours: without its epoch nothing is deleted. */
static const char plain_release[] =
    "local lock, counter = KEYS[1], KEYS[2]\n"
    "local value, epoch, unique, info_key, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]\n"
    "if redis.call('GET', lock) ~= value then return 0 end\n"
    "if unique ~= '1' and redis.call('GET', counter) ~= epoch then return 0 end\n"
    "redis.call('DEL', lock)\n"
    "if info_key ~= '' then redis.pcall('DEL', info_key) end\n"
    "redis.pcall('PUBLISH', channel, 'released ' .. epoch)\n"
    "return 1\n";

/* KEYS lock, epoch; answers as depose does. Whose epoch it is, nothing says: a leader that is not of that epoch takes no
 * notice, and one of the others never does. */
static const char plain_depose[] = "local lock, counter = KEYS[1], KEYS[2]\n"
                                   "local wanted, channel = ARGV[1], ARGV[2]\n"
                                   "local epoch = redis.call('GET', counter)\n"
                                   "if redis.call('PTTL', lock) == -2 or not epoch then return 0 end\n"
                                   "if wanted ~= '0' and wanted ~= epoch then return 0 end\n"
                                   "redis.call('PUBLISH', channel, 'depose ' .. epoch)\n"
                                   "return 1\n";

/* KEYS lock, epoch; answers as forget does. An epoch that counts is the others' too, and is left to them. */
static const char plain_forget[] = "local lock, counter = KEYS[1], KEYS[2]\n"
                                   "local info_key, counts = ARGV[1], ARGV[2]\n"
                                   "if redis.call('PTTL', lock) ~= -2 then return 0 end\n"
                                   "if counts ~= '1' then redis.call('DEL', counter) end\n"
                                   "if info_key ~= '' then redis.pcall('DEL', info_key) end\n"
                                   "return 1\n";

const char *const elect__redis_scripts[ELECT__REDIS_SCRIPTS + 1] = {
    [ELECT__REDIS_ACQUIRE] = acquire,
    [ELECT__REDIS_RENEW] = renew,
    [ELECT__REDIS_RELEASE] = release,
    [ELECT__REDIS_DEPOSE] = depose,
    [ELECT__REDIS_FORGET] = forget,
    [ELECT__REDIS_PLAIN_ACQUIRE] = plain_acquire,
    [ELECT__REDIS_PLAIN_RENEW] = plain_renew,
    [ELECT__REDIS_PLAIN_RELEASE] = plain_release,
    [ELECT__REDIS_PLAIN_DEPOSE] = plain_depose,
    [ELECT__REDIS_PLAIN_FORGET] = plain_forget,
};

#ifdef ELECT_TEST_PLANTED
/* The bugs of ledger.c once more, each as an edit of a text, and a few of our own. */
#define IDS_EQUAL "string.match(holder or '', '^(.*) ') == string.match(value, '^(.*) ')"
static const struct edit {
    enum elect__planted planted;
    enum elect__redis_script script;
    const char *from, *to;
} edits[] = {
    {ELECT__PLANTED_SAME_EPOCH, ELECT__REDIS_ACQUIRE, "if holder then\n",
     "if holder and " IDS_EQUAL " then\n"
     "  redis.call('SET', lock, value, 'PX', ttl)\n"
     "  redis.call('HSET', term, 'holder', value)\n"
     "  return {'won', stored, digits(now)}\n"
     "end\n"
     "if holder then\n"},
    {ELECT__PLANTED_NO_GRACE, ELECT__REDIS_ACQUIRE, "tonumber(ARGV[4])", "0"},
    {ELECT__PLANTED_NO_GRACE, ELECT__REDIS_PLAIN_ACQUIRE, "tonumber(ARGV[5])", "0"},
    {ELECT__PLANTED_RELEASED_SKIPS_GRACE, ELECT__REDIS_ACQUIRE,
     "local told =", "if released then changed, young = false, 0 end\nlocal told ="},
    {ELECT__PLANTED_LOST_LOCK_IS_FREE, ELECT__REDIS_ACQUIRE, "if known and not released then lease",
     "if false then lease"},
    {ELECT__PLANTED_SERVER_OVERWRITTEN, ELECT__REDIS_ACQUIRE,
     "local told =", "if changed then redis.call('HSET', term, 'server', server) end\nlocal told ="},
    {ELECT__PLANTED_LAST_LEASE_NOT_EPOCH, ELECT__REDIS_ACQUIRE, "if number and number < highest", "if false"},
    {ELECT__PLANTED_COUNTER_EPOCHS, ELECT__REDIS_ACQUIRE, "math.max(number + 1, highest + 1, now)", "number + 1"},
    {ELECT__PLANTED_COUNTER_EPOCHS, ELECT__REDIS_PLAIN_ACQUIRE, "math.max(number + 1, highest + 1, now)", "number + 1"},
    {ELECT__PLANTED_RENEW_REPAIRS_EPOCH, ELECT__REDIS_RENEW,
     "if record[1] ~= epoch or record[2] ~= value then return 0 end",
     "if record[2] ~= value then redis.call('HSET', term, 'epoch', epoch, 'holder', value) end"},
    {ELECT__PLANTED_RENEW_REPAIRS_EPOCH, ELECT__REDIS_PLAIN_RENEW,
     "if redis.call('GET', counter) ~= epoch then return 0 end", "redis.call('SET', counter, epoch)"},
    {ELECT__PLANTED_RELEASE_BY_ID, ELECT__REDIS_RELEASE, "if holder ~= value then return 0 end",
     "if not (" IDS_EQUAL ") then return 0 end"},
    {ELECT__PLANTED_RELEASE_BY_ID, ELECT__REDIS_PLAIN_RELEASE,
     "if unique ~= '1' and redis.call('GET', counter) ~= epoch then return 0 end", ""},
    {ELECT__PLANTED_REDIS_DENIED_INFO_IS_AGE, ELECT__REDIS_ACQUIRE, "if not (server and uptime) then\n",
     "uptime = uptime or grace + 2\n    if false then\n"},
    {ELECT__PLANTED_REDIS_UPTIME_IS_EXACT, ELECT__REDIS_ACQUIRE, "(uptime - 1)", "uptime"},
    {ELECT__PLANTED_REDIS_EPOCH_REPAIRED, ELECT__REDIS_ACQUIRE, "if not number or number >= 9007199254740991 then\n",
     "number = number or 0\nif number >= 9007199254740991 then\n"},
    {ELECT__PLANTED_REDIS_NO_SERVER_IS_ANY, ELECT__REDIS_ACQUIRE, "server ~= record[5] and",
     "record[5] ~= '' and server ~= record[5] and"},
};

const char *elect__redis_script_text(enum elect__redis_script script)
{
    static char texts[ELECT__REDIS_SCRIPTS][8192];
    const char *text = elect__redis_scripts[script];
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        const char *at = strstr(text, edits[i].from);
        if (edits[i].planted != elect__planted_now || edits[i].script != script)
            continue;
        if (!at)
            abort(); /* the script was changed, and this list was not */
        snprintf(texts[script], sizeof texts[script], "%.*s%s%s", (int)(at - text), text, edits[i].to,
                 at + strlen(edits[i].from));
        return texts[script];
    }
    return text;
}
#else
const char *elect__redis_script_text(enum elect__redis_script script)
{
    return elect__redis_scripts[script];
}
#endif

/* SHA-1 of each text; test_redis_op.c says what they must be. Computed for each command, they would cost more than all
 * else of it. */
static const char *const shas[ELECT__REDIS_SCRIPTS] = {
    [ELECT__REDIS_ACQUIRE] = "f248fe9c4097e2e3fb0255f5a1b17ee301da80d6",
    [ELECT__REDIS_RENEW] = "004185cbe112ce15488cc69bb2243be489b1eece",
    [ELECT__REDIS_RELEASE] = "f881a9daabc92c3e02057ad786dc951944f3136a",
    [ELECT__REDIS_DEPOSE] = "d99c883473b6c1f42d85870498b02931c2e7b982",
    [ELECT__REDIS_FORGET] = "19d202f9a419bf141e68384e3e3ac3e2804153c2",
    [ELECT__REDIS_PLAIN_ACQUIRE] = "989b39d54169f0cc62b35b85dd0599b2440972c6",
    [ELECT__REDIS_PLAIN_RENEW] = "6554eddb44cbba3d77adc35a6330e115aadea3d8",
    [ELECT__REDIS_PLAIN_RELEASE] = "8e3b8eec5d86fb903b8115fcaaf7bed01c4f6338",
    [ELECT__REDIS_PLAIN_DEPOSE] = "88a2276c87c413cf5b1ddee2a9fec07bd8d8201d",
    [ELECT__REDIS_PLAIN_FORGET] = "6caadd071b4e9f2677f8e4074ed5419e87cf5dc5",
};

const char *elect__redis_script_sha(enum elect__redis_script script)
{
    /* Of a text with a bug in it no server knows, and wants it whole. */
    bool whole = elect__redis_script_text(script) == elect__redis_scripts[script];
    return whole ? shas[script] : "0000000000000000000000000000000000000000";
}
