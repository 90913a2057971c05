/* Planted bugs: each switches one rule of the protocol off, in builds made with ELECT_TEST_PLANTED only, to prove that
 * the tests would notice. tests/planted.txt says which test must catch which. */
#ifndef ELECT_SRC_PLANTED_H
#define ELECT_SRC_PLANTED_H

#define ELECT__PLANTED_TABLE(X)                                                                                        \
    /* terms.c, answers.c, plan.c, election.c, lease.h */                                                              \
    X(MARGIN_ZERO, "margin-zero")                                                                                      \
    X(DEADLINE_FROM_ANSWER, "deadline-from-answer")                                                                    \
    X(FLAG_NOT_CLOCK, "flag-not-clock")                                                                                \
    X(LATE_ANSWER_EXTENDS, "late-answer-extends")                                                                      \
    X(LATE_ACQUIRE_ELECTS, "late-acquire-elects")                                                                      \
    X(WRONG_REQUEST, "wrong-request")                                                                                  \
    X(ADOPT_FOREIGN, "adopt-foreign")                                                                                  \
    X(ADOPT_AFTER_LOST, "adopt-after-lost")                                                                            \
    X(ADOPT_AFTER_RELEASE, "adopt-after-release")                                                                      \
    X(ADOPT_SUPERSEDED, "adopt-superseded")                                                                            \
    X(ADOPT_FOR_EVER, "adopt-for-ever")                                                                                \
    X(LOSS_WAITED_FOR_EVER, "loss-waited-for-ever")                                                                    \
    X(EPOCH_TWICE, "epoch-twice")                                                                                      \
    X(RELEASE_BEFORE_STEPPING_DOWN, "release-before-stepping-down")                                                    \
    X(EARLY_RELEASE, "early-release")                                                                                  \
    X(SECOND_STANDING, "second-standing")                                                                              \
    X(GRACE_WITHOUT_MARGIN, "grace-without-margin")                                                                    \
    X(SERVER_GRACE_SKIPPED, "server-grace-skipped")                                                                    \
    X(FORGET_HIGHEST_EPOCH, "forget-highest-epoch")                                                                    \
    /* ledger.c: the rules every store keeps */                                                                        \
    X(SAME_EPOCH, "same-epoch")                                                                                        \
    X(RELEASE_BY_ID, "release-by-id")                                                                                  \
    X(RENEW_REPAIRS_EPOCH, "renew-repairs-epoch")                                                                      \
    X(LOST_LOCK_IS_FREE, "lost-lock-is-free")                                                                          \
    X(NO_GRACE, "no-grace")                                                                                            \
    X(RELEASED_SKIPS_GRACE, "released-skips-grace")                                                                    \
    X(SERVER_OVERWRITTEN, "server-overwritten")                                                                        \
    X(LAST_LEASE_NOT_EPOCH, "last-lease-not-epoch")                                                                    \
    X(COUNTER_EPOCHS, "counter-epochs")                                                                                \
    /* stores/cas.c: a register with compare-and-set */                                                                \
    X(CAS_WAIT_WITHOUT_MARGIN, "cas-wait-without-margin")                                                              \
    X(CAS_SEEN_BEFORE_ANSWER, "cas-seen-before-answer")                                                                \
    X(CAS_ABSENT_IS_FREE, "cas-absent-is-free")                                                                        \
    X(CAS_OLD_RELEASE_TRUSTED, "cas-old-release-trusted")                                                              \
    X(CAS_CREDITS_LATEST, "cas-credits-latest")                                                                        \
    X(CAS_BODY_NOT_UNIQUE, "cas-body-not-unique")                                                                      \
    X(CAS_RESTORED_IS_OURS, "cas-restored-is-ours")                                                                    \
    X(CAS_FOREIGN_IS_OURS, "cas-foreign-is-ours")                                                                      \
    X(CAS_LEASE_OF_MINE, "cas-lease-of-mine")                                                                          \
    X(CAS_CHANGE_UNNOTICED, "cas-change-unnoticed")                                                                    \
    X(CAS_SEEN_AT_EACH_READ, "cas-seen-at-each-read")                                                                  \
    X(CAS_BOOTSTRAP_ALWAYS, "cas-bootstrap-always")                                                                    \
    X(CAS_UNREADABLE_OVERWRITTEN, "cas-unreadable-overwritten")                                                        \
    X(CAS_CONFLICT_IS_SUCCESS, "cas-conflict-is-success")                                                              \
    X(CAS_CONFLICT_IS_TAKEN, "cas-conflict-is-taken")                                                                  \
    X(CAS_RELEASED_RENEWED, "cas-released-renewed")                                                                    \
    X(CAS_DOUBT_FORGOTTEN, "cas-doubt-forgotten")                                                                      \
    X(CAS_LATE_WRITE, "cas-late-write")                                                                                \
    /* the simulator's own parts */                                                                                    \
    X(SUSPEND_BLIND, "suspend-blind")                                                                                  \
    X(NO_FENCING, "no-fencing")                                                                                        \
    /* stores/local*.c */                                                                                              \
    X(LOCAL_NO_DEATH_PROOF, "local-no-death-proof")                                                                    \
    X(LOCAL_NO_TIMENS, "local-no-timens")                                                                              \
    /* stores/redis_script.c */                                                                                        \
    X(REDIS_DENIED_INFO_IS_AGE, "redis-denied-info-is-age")                                                            \
    X(REDIS_UPTIME_IS_EXACT, "redis-uptime-is-exact")                                                                  \
    X(REDIS_EPOCH_REPAIRED, "redis-epoch-repaired")                                                                    \
    X(REDIS_NO_SERVER_IS_ANY, "redis-no-server-is-any")                                                                \
    /* stores/redis_replicas.c, redis_seat.c */                                                                        \
    X(REDIS_REPLICAS_IGNORED, "redis-replicas-ignored")                                                                \
    X(REDIS_DENIED_GRACE_SKIPPED, "redis-denied-grace-skipped")                                                        \
    X(REDIS_WAIT_ON_ANOTHER_CONNECTION, "redis-wait-on-another-connection")                                            \
    /* stores/redis_login.c, redis_queue.c */                                                                          \
    X(REDIS_DATABASE_UNCHECKED, "redis-database-unchecked")                                                            \
    X(REDIS_LOST_IS_NOT_SENT, "redis-lost-is-not-sent")

enum elect__planted {
    ELECT__PLANTED_NONE,
#define ELECT__PLANTED_ENUM(id, name) ELECT__PLANTED_##id,
    ELECT__PLANTED_TABLE(ELECT__PLANTED_ENUM)
#undef ELECT__PLANTED_ENUM
        ELECT__PLANTED_COUNT
};

#ifdef ELECT_TEST_PLANTED
extern enum elect__planted elect__planted_now;
/* By the names of the table; ELECT__PLANTED_COUNT for one that is not in it. */
enum elect__planted elect__planted_find(const char *name);
#define ELECT__PLANTED(id) (elect__planted_now == ELECT__PLANTED_##id)
#else
#define ELECT__PLANTED(id) 0
#endif
#endif
