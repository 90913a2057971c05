---------------------------- MODULE LeaseElection ----------------------------
(* Candidates (libelect/src/election.c, terms.c, answers.c, plan.c, tries.c) and one store (ledger.c): a lock with a    *)
(* TTL and a record of the last term without one.  Time is discrete: Tick is one tick of the store's clock, what        *)
(* happens between two ticks comes in any order.  A process may be paused for ever; a message may be delayed, lost,     *)
(* overtaken, or executed after its sender has given it up ("zombie": live = FALSE).                                    *)
(*                                                                                                                      *)
(* All rules of the code are always in force; a line of the table differs from another in what may happen.  A rule is   *)
(* taken away only by naming it in Planted, mostly by the names of planted.h.                                           *)
EXTENDS Naturals, FiniteSets
CONSTANTS
  Node, TTL, Margin,
  DriftEvery,  \* a candidate's clock may be off by one tick once in so many ticks and one; 99: exact; 0: it may stand still
  MaxGrants,   \* terms in all
  MaxMessages, \* requests under way at a time, zombies included
  MaxLosses, Losses, \* how often something happens to the store, and of what kind:
               \*   "lock"    the lock alone (an operator's DEL, an eviction)     "rec" the record alone     "flush" both
               \*   "restart" an earlier state, a new identity, uptime 0          "reboot" the same, but the identity stays
               \*   "promote" an earlier state, a new identity, a long uptime: a replica took over and the old server is dead
               \*   "step"    its clock jumps forward by Step ticks
  Step,
  Copies,      \* the earlier state may be of any time; FALSE: it is that of the beginning
  Warm,        \* a first term has ended well before
  Replicated,  \* ... and every earlier state has its record
  Seen,        \* ... and every candidate has seen its epoch
  ClockBehind, \* the store's clock is behind all epochs, so that they come of the record and of what the candidate has seen
  SameId,      \* all candidates bear one instance id
  Crashes,     \* a candidate may begin anew and know nothing
  Drains,      \* the work of a term lasts on after its end
  Probes,      \* a candidate that must not stand may look
  Survive,     \* requests outlive the server that they were sent to
  Writes,      \* leaders write to a resource that refuses older epochs
  Calms,       \* faults end at some time (for liveness)
  Plain,       \* the lock's value is an id only: renew and release compare the epoch in the record, nothing is adopted
  Planted      \* the rules taken away
VARIABLES
  lock, rec,   \* [id, att, left]; [ep, gen, att, until, srv, rel], ep = 0: none.  gen counts grants: a ghost
  server,      \* [srv: identity, up: ticks since its start, until TTL]
  past,        \* an earlier state that may come back: [lock, rec, taken]
  losses, gen,
  nodes,       \* a record for each candidate, see Fresh0
  msgs, reps,  \* requests and answers under way
  wmsgs, fence,\* writes under way; [ep, gen] that the resource has seen last
  told, sins,  \* epochs announced by anybody; promises broken that no state shows later
  calm
store == <<lock, rec, server, past, losses, gen>>
net   == <<msgs, reps>>
res   == <<wmsgs, fence>>
ghost == <<told, sins>>
vars  == <<store, nodes, net, res, ghost, calm>>

None == "none"
Min(a,b) == IF a < b THEN a ELSE b
Max(a,b) == IF a > b THEN a ELSE b
Sub(a,b) == IF a > b THEN a - b ELSE 0
P(bug) == bug \in Planted
Id(n) == IF SameId THEN "same" ELSE n
NoLock == [id |-> None, att |-> 0, left |-> 0]
NoRec  == [ep |-> 0, gen |-> 0, att |-> 0, until |-> 0, srv |-> 0, rel |-> FALSE]
Rec0   == IF Warm THEN [NoRec EXCEPT !.ep = 1, !.gen = 1, !.srv = 1, !.rel = TRUE] ELSE NoRec
Hi0    == IF Warm /\ Seen THEN 1 ELSE 0
Drifts == DriftEvery < 99
Node0  ==
  [st    |-> "idle",    \* "lead", "drain"
   left  |-> 0,         \* of the proven lease
   ep    |-> 0, gen |-> 0, att |-> 0,
   out   |-> "no",      \* the operation in flight: "acq", "prb", "adp" (the renewal that adopts), "ren", "rel" (planted only)
   sent  |-> 0,         \* ticks since it was sent
   srv   |-> 0, grace |-> 0,        \* the server that is distrusted, and for how long; 0: none
   lossd |-> FALSE, loss |-> 0,     \* the wait after lost data: was it begun, and how long is it yet?
   hi    |-> 0, last |-> 0,         \* the highest epoch seen; the last one announced here
   open  |-> {}, spent |-> {}, freed |-> {}, \* fates of attempts; all others are foreign.  freed serves planted bugs only
   work  |-> {},        \* terms whose work goes on
   tried |-> FALSE,     \* at most one request of its own accord in a tick
   cnt   |-> IF Drifts THEN DriftEvery ELSE 0]
Init ==
  /\ lock = NoLock /\ rec = Rec0 /\ server = [srv |-> 1, up |-> TTL] /\ losses = 0 /\ gen = Rec0.gen
  /\ past = [lock |-> NoLock, rec |-> IF Replicated THEN Rec0 ELSE NoRec, taken |-> ~Copies]
  /\ nodes = [n \in Node |-> [Node0 EXCEPT !.hi = Hi0]]
  /\ msgs = {} /\ reps = {} /\ wmsgs = {} /\ fence = [ep |-> 0, gen |-> 0] /\ told = {} /\ sins = {} /\ calm = FALSE

(* is_leader: the clock is asked at each call *)
IsLeader(n) == nodes[n].st = "lead" /\ (nodes[n].left > 0 \/ P("flag-not-clock"))

(* ---------- attempts: random, so a fresh one is any that nobody knows ---------- *)
Visible == {lock.att, rec.att, past.lock.att, past.rec.att} \cup {m.att : m \in msgs} \cup {r.att : r \in reps}
Used == Visible \cup UNION {nodes[n].open \cup nodes[n].spent \cup nodes[n].freed \cup {nodes[n].att} : n \in Node}
Fresh == CHOOSE a \in 1..20 : a \notin Used /\ \A b \in 1..(a-1) : b \in Used

(* ---------- candidates: what they send ---------- *)
Room == Cardinality(msgs) < MaxMessages
Msg(t, n, a, e, live) == [t |-> t, n |-> n, att |-> a, ep |-> e, live |-> live, hi |-> 0, lossd |-> FALSE, srv |-> 0]
Put(n, x) == nodes' = [nodes EXCEPT ![n] = x]
Sent(x, t) == [x EXCEPT !.out = t, !.sent = 0, !.tried = TRUE]
Served(x) == x.loss = 0 /\ x.grace = 0
CanAcquire(n) ==
  LET x == nodes[n]
  IN /\ x.st = "idle" /\ x.out = "no" /\ ~x.tried /\ Served(x) /\ (x.work = {} \/ P("second-standing"))
     /\ gen < MaxGrants \/ lock.id # None \* else nothing could come of it any more
Acquire(n) ==
  LET x == nodes[n]
      m == [Msg("acq", n, Fresh, 0, TRUE) EXCEPT !.hi = IF P("forget-highest-epoch") THEN 0 ELSE x.hi, !.lossd = x.lossd,
                                          !.srv = IF P("served-grace-untold") THEN 0 ELSE x.srv]
  IN /\ CanAcquire(n) /\ Room /\ msgs' = msgs \cup {m}
     /\ Put(n, [Sent(x, "acq") EXCEPT !.att = m.att, !.open = IF Plain THEN @ ELSE @ \cup {m.att}])
     /\ UNCHANGED <<store, reps, res, ghost, calm>>
Probe(n) ==
  LET x == nodes[n]
  IN /\ Probes /\ ~calm /\ x.st = "idle" /\ x.out = "no" /\ ~x.tried /\ (~Served(x) \/ x.work # {}) /\ Room
     /\ msgs' = msgs \cup {Msg("prb", n, 0, 0, TRUE)} /\ Put(n, Sent(x, "prb"))
     /\ UNCHANGED <<store, reps, res, ghost, calm>>
CanRenew(n) == LET x == nodes[n] IN x.st \in {"lead", "drain"} /\ x.left > 0 /\ x.out = "no" /\ ~x.tried
Renew(n) ==
  LET x == nodes[n]
  IN /\ CanRenew(n) /\ Room /\ msgs' = msgs \cup {Msg("ren", n, x.att, x.ep, TRUE)} /\ Put(n, Sent(x, "ren"))
     /\ UNCHANGED <<store, reps, res, ghost, calm>>
(* From the sending of a release on, its attempt is somebody else's. *)
Freed(x, a) == [x EXCEPT !.open = @ \ {a}, !.spent = @ \ {a},
                         !.freed = IF P("adopt-after-release") THEN @ \cup {a} ELSE @]
Down(x) == [x EXCEPT !.st = "idle", !.left = 0, !.ep = 0, !.gen = 0, !.att = 0, !.out = "no", !.sent = 0]
(* First the term ends here, then the store is told; the release is on its own from here on. *)
Release(n) ==
  LET x == nodes[n]
      late == P("release-before-stepping-down")
  IN /\ ~calm /\ x.out = "no" /\ Room
     /\ IF Drains THEN x.st = "drain" /\ (x.work = {} \/ P("early-release")) ELSE x.st = "lead"
     /\ msgs' = msgs \cup {Msg("rel", n, x.att, x.ep, late)}
     /\ Put(n, IF late THEN Freed([x EXCEPT !.out = "rel", !.sent = 0], x.att)
               \* what the work was told of its lease stands, whatever becomes of the lock
               ELSE Freed([Down(x) EXCEPT !.left = IF P("early-release") THEN x.left ELSE 0], x.att))
     /\ UNCHANGED <<store, reps, res, ghost, calm>>
StartDrain(n) == \* is_leader is false at once, renewals go on
  /\ Drains /\ nodes[n].st = "lead" /\ Put(n, [nodes[n] EXCEPT !.st = "drain"]) /\ UNCHANGED <<store, net, res, ghost, calm>>
WorkDone(n) ==
  /\ nodes[n].work # {} /\ nodes[n].st # "lead" /\ Put(n, [nodes[n] EXCEPT !.work = {}])
  /\ UNCHANGED <<store, net, res, ghost, calm>>
(* A request that is given up may still be executed; its answer finds nobody. *)
Zombies(n, ms) == {IF m.n = n THEN [m EXCEPT !.live = FALSE] ELSE m : m \in ms}
Deaf(n, rs) == {r \in rs : r.n # n \/ (P("wrong-request") /\ r.k = "ok")}
GiveUp(n) == msgs' = Zombies(n, msgs) /\ reps' = Deaf(n, reps)
Expire(n) == \* its own deadline is noticed, maybe late: with it goes the operation in flight
  LET x == nodes[n]
      keep == P("late-answer-revives") /\ x.out = "ren"
  IN /\ x.st \in {"lead", "drain"} /\ x.left = 0
     /\ IF keep THEN Put(n, [Down(x) EXCEPT !.out = "ren", !.sent = x.sent, !.att = x.att]) /\ UNCHANGED net
        ELSE Put(n, Down(x)) /\ GiveUp(n)
     /\ UNCHANGED <<store, res, ghost, calm>>
Abandon(n) == \* time-out, broken connection: the outcome is unknown
  LET x == nodes[n]
  IN /\ x.out # "no"
     /\ calm => ~(\E m \in msgs : m.n = n /\ m.live) /\ ~(\E r \in reps : r.n = n)
     /\ Put(n, IF x.out = "rel" THEN Down(x) ELSE IF x.st = "idle" THEN [x EXCEPT !.out = "no", !.sent = 0, !.att = 0]
               ELSE [x EXCEPT !.out = "no", !.sent = 0])
     /\ GiveUp(n) /\ UNCHANGED <<store, res, ghost, calm>>
Crash(n) ==
  /\ Crashes /\ ~calm /\ nodes[n] # [Node0 EXCEPT !.cnt = nodes[n].cnt, !.tried = nodes[n].tried]
  /\ Put(n, [Node0 EXCEPT !.cnt = nodes[n].cnt, !.tried = nodes[n].tried]) /\ GiveUp(n)
  /\ UNCHANGED <<store, res, ghost, calm>>

(* ---------- candidates: what answers do ---------- *)
EndGraces(x) == [x EXCEPT !.srv = 0, !.grace = 0, !.lossd = FALSE, !.loss = 0]
(* On one's own clock, which may be as far off as the old leader's, the other way round: hence the margin. *)
WaitOut == TTL + (IF P("grace-without-margin") THEN 0 ELSE Margin)
StartGrace(x, s) == IF s = 0 \/ x.srv = s THEN x
                    ELSE [x EXCEPT !.srv = s, !.grace = IF P("server-grace-skipped") THEN 0 ELSE WaitOut]
StartLoss(x) == IF x.lossd THEN x ELSE [x EXCEPT !.lossd = TRUE, !.loss = WaitOut]
Adoptable(x, r) ==
  \/ r.att \in x.open /\ r.ep > x.last /\ (r.ep >= x.hi \/ P("adopt-superseded"))
  \/ P("adopt-foreign") /\ r.own
  \/ P("adopt-after-lost") /\ r.att \in x.spent
  \/ P("adopt-after-release") /\ r.att \in x.freed
Ours(x, r) == IF P("release-stray-by-id") THEN r.own ELSE r.att \in x.open \cup x.spent
Nothing == {}
(* Somebody leads.  Result: the candidate, and what it sends. *)
Held(n, x, r) ==
  LET y == EndGraces(x)
  IN IF y.work # {} \/ ~Room THEN [x |-> y, m |-> Nothing]
     ELSE IF Adoptable(y, r) THEN [x |-> [y EXCEPT !.out = "adp", !.sent = 0, !.att = r.att], m |-> {Msg("ren", n, r.att, r.ep, TRUE)}]
     ELSE IF Ours(y, r) THEN [x |-> Freed(y, r.att), m |-> {Msg("rel", n, r.att, r.ep, FALSE)}]
     ELSE [x |-> y, m |-> Nothing]
Stray(n, x, r) == [x |-> Freed(EndGraces(x), r.att), m |-> IF Room THEN {Msg("rel", n, r.att, r.ep, FALSE)} ELSE Nothing]
SafeEpochs == {"epoch-twice", "adopt-after-lost", "adopt-after-release", "late-answer-revives"} \cap Planted = {}
(* Without losses the record's epoch is never below one that was seen: nobody need remember. *)
Rises == MaxLosses > 0 \/ Planted # {}
LeaseLength == IF P("margin-zero") THEN TTL ELSE TTL - Margin
Recv(r) ==
  LET n == r.n
      x == nodes[n]
      left == Sub(LeaseLength, IF P("deadline-from-answer") THEN 0 ELSE x.sent)
      timely == left > 0
      may == (r.ep > x.last \/ ~SafeEpochs) /\ (timely \/ P("late-acquire-elects"))
      \* an acquire from before a later term may hide that term's leader: it is somebody else's
      superseded == Rises /\ r.ep > x.hi /\ ~P("adopt-superseded")
      y == [x EXCEPT !.out = "no", !.sent = 0, !.hi = IF Rises THEN Max(@, r.ep) ELSE @, !.att = IF x.st = "idle" THEN 0 ELSE @,
                     !.open = IF superseded THEN @ \cap {r.att} ELSE @]
      known == [y EXCEPT !.open = @ \ {x.att}] \* the operation's attempt was surely refused
      Is(z) == [x |-> z, m |-> Nothing]
      elected == [EndGraces(y) EXCEPT !.st = "lead", !.left = left, !.ep = r.ep, !.gen = r.gen, !.att = r.att, !.last = IF Rises THEN r.ep ELSE @,
                    !.work = IF Drains THEN @ \cup {r.ep} ELSE {}, !.open = @ \ {r.att}, !.spent = IF Plain THEN @ ELSE @ \cup {r.att}]
      elects == /\ x.st = "idle" /\ may
                /\ \/ x.out = "acq" /\ r.k = "won"
                   \/ x.out = "adp" /\ r.k = "ok"
                   \/ P("late-answer-revives") /\ x.out = "ren" /\ r.k = "ok" /\ timely
      extends == x.st # "idle" /\ x.out = "ren" /\ r.k = "ok" /\ (x.left > 0 \/ (P("late-answer-extends") /\ timely))
      next ==
        CASE elects -> Is(elected)
          [] extends -> Is([y EXCEPT !.left = Max(left, @)])
          [] x.st # "idle" -> Is(Down(y))                                  \* lost, or too late
          [] x.out = "acq" /\ r.k = "won" -> Stray(n, y, r)               \* too late: released, never elected
          [] x.out = "acq" /\ r.k = "held" -> Held(n, known, r)
          [] x.out = "acq" /\ r.k = "data" -> Is(StartGrace(StartLoss(known), r.srv))
          [] x.out = "acq" -> Is(StartGrace(known, r.srv))                \* "wait", "chg"
          [] x.out = "prb" /\ r.k = "held" -> Held(n, y, r)
          [] x.out = "adp" /\ r.k = "ok" -> Stray(n, y, r)
          [] x.out = "adp" -> Is(known)
          [] OTHER -> Is(y)
      kinds == CASE x.out = "acq" -> {"won", "held", "wait", "data", "chg"} [] x.out = "prb" -> {"held", "wait", "free"}
                 [] x.out = "no" -> {} [] OTHER -> {"ok", "lost"}
      fits == P("wrong-request") => r.k \in kinds /\ (r.k \in {"won", "ok"} => r.att = x.att)
  IN /\ r \in reps /\ reps' = reps \ {r}
     /\ IF fits THEN Put(n, next.x) /\ msgs' = msgs \cup next.m
        ELSE Put(n, [y EXCEPT !.hi = x.hi, !.open = x.open]) /\ msgs' = msgs
     /\ told' = (IF fits /\ elects THEN told \cup {r.ep} ELSE told)
     /\ sins' = sins \cup (IF fits /\ elects /\ r.ep \in told THEN {"twice"} ELSE {})
                     \cup (IF fits /\ elects /\ ~timely THEN {"untimely"} ELSE {})
                     \cup (IF fits /\ extends /\ x.left = 0 THEN {"revived"} ELSE {})
     /\ UNCHANGED <<store, res, calm>>

(* ---------- the store ---------- *)
Names == rec.ep # 0 /\ rec.att = lock.att \* does the record tell of the lock's term?
Answer(m, k, e, a, s) == [n |-> m.n, k |-> k, ep |-> e, gen |-> rec'.gen, att |-> a, srv |-> s, own |-> lock'.id = Id(m.n)]
Reply(m, k, e, a, s) == reps' = IF m.live THEN reps \cup {Answer(m, k, e, a, s)} ELSE reps
CanGrant == gen < MaxGrants - (IF Calms /\ ~calm THEN 3 ELSE 0)
SkipsReleased == P("released-skips-grace") /\ rec.rel
TooYoung == server.up < TTL /\ ~P("no-grace") /\ ~P("no-uptime-grace") /\ ~SkipsReleased /\ ~(P("record-ends-uptime-grace") /\ rec.ep # 0)
Unexpired == rec.ep # 0 /\ ~rec.rel /\ rec.until > 0 /\ ~P("lost-lock-is-free")
Changed(m) == /\ ~P("no-grace") /\ ~P("no-server-grace") /\ ~SkipsReleased
              /\ rec.ep # 0 /\ rec.srv # server.srv /\ m.srv # server.srv
Older(m) == rec.ep < m.hi /\ ~m.lossd /\ ~P("last-lease-not-epoch")
SameTerm(m) == P("same-epoch") /\ lock.id = Id(m.n) \* planted: an acquire that finds its own id goes on with its epoch
MayGrant(m) == IF lock.id = None THEN ~TooYoung /\ ~Unexpired /\ ~Older(m) /\ ~Changed(m) ELSE SameTerm(m)
Match(m) == lock.id = Id(m.n) /\ IF Plain THEN rec.ep # 0 /\ rec.ep = m.ep ELSE lock.att = m.att
Renews(m) == Match(m) /\ (Plain \/ Names) /\ rec.ep = m.ep
Deliver(m) ==
  /\ m \in msgs /\ msgs' = msgs \ {m} /\ UNCHANGED <<server, past, losses, gen>>
  /\ \/ /\ m.t \in {"acq", "prb"} /\ (m.t = "prb" \/ ~MayGrant(m)) /\ UNCHANGED lock
        /\ LET s == IF lock.id = None /\ m.t = "acq" /\ Changed(m) THEN server.srv ELSE 0
           IN /\ rec' = (IF s # 0 /\ P("server-overwritten") THEN [rec EXCEPT !.srv = s] ELSE rec)
              /\ IF lock.id # None THEN Reply(m, "held", IF Names \/ Plain THEN rec.ep ELSE 0, lock.att, 0)
                 ELSE IF m.t = "prb" THEN Reply(m, "free", 0, 0, 0)
                 ELSE Reply(m, IF TooYoung \/ Unexpired THEN "wait" ELSE IF Older(m) THEN "data" ELSE "chg", 0, 0, s)
     \/ /\ m.t = "ren"
        /\ IF Renews(m)
           THEN /\ lock' = [lock EXCEPT !.left = TTL]
                /\ rec' = [rec EXCEPT !.until = TTL]
                /\ Reply(m, "ok", m.ep, m.att, 0)
           ELSE UNCHANGED <<lock, rec>> /\ Reply(m, "lost", 0, 0, 0)
     \/ /\ m.t = "rel"
        /\ IF IF P("release-by-id") THEN lock.id = Id(m.n) ELSE Match(m)
           THEN lock' = NoLock /\ rec' = (IF Names \/ Plain THEN [rec EXCEPT !.rel = rec.ep # 0, !.until = 0, !.att = 0] ELSE rec)
           ELSE UNCHANGED <<lock, rec>>
        /\ Reply(m, "done", 0, 0, 0)
  /\ UNCHANGED <<nodes, res, ghost, calm>>
(* The clock moves on between two elections, so an epoch of it is higher than all before: that is what gen + 1 stands for. *)
NextEpoch(m) == CASE SameTerm(m) /\ lock.id # None -> rec.ep
                  [] P("counter-epochs") -> rec.ep + 1
                  [] OTHER -> Max(Max(rec.ep, m.hi), IF ClockBehind THEN 0 ELSE gen) + 1
Grant(m) ==
  /\ m \in msgs /\ m.t = "acq" /\ CanGrant /\ MayGrant(m) /\ msgs' = msgs \ {m} /\ gen' = gen + 1
  /\ lock' = [id |-> Id(m.n), att |-> m.att, left |-> TTL]
  /\ rec' = [ep |-> NextEpoch(m), gen |-> gen + 1, att |-> m.att, until |-> TTL, srv |-> server.srv, rel |-> FALSE]
  /\ UNCHANGED <<server, past, losses, nodes, res, ghost, calm>> /\ Reply(m, "won", rec'.ep, m.att, 0)
Drop(m) == ~calm /\ m \in msgs /\ ~m.live /\ msgs' = msgs \ {m} /\ UNCHANGED <<store, nodes, reps, res, ghost, calm>>
Remember == \* what a disk or a replica has
  /\ ~calm /\ ~past.taken /\ losses < MaxLosses /\ Losses \cap {"restart", "reboot", "promote"} # {}
  /\ past' = [lock |-> lock, rec |-> rec, taken |-> TRUE]
  /\ UNCHANGED <<lock, rec, server, losses, gen, nodes, net, res, ghost, calm>>
AgeLock(l, d) == IF l.left <= d THEN NoLock ELSE [l EXCEPT !.left = @ - d]
AgeRec(t, l, d) == [t EXCEPT !.until = Sub(@, d), !.att = IF l.left <= d THEN 0 ELSE @] \* it is read beside a lock only
Loss(k) ==
  /\ ~calm /\ losses < MaxLosses /\ losses' = losses + 1
  /\ P("last-lease-not-epoch") => \A n \in Node : nodes[n].hi = rec.ep \* fair to that rule: every candidate has seen the lock
  /\ LET back == k \in {"restart", "reboot", "promote"}
     IN /\ lock' = (CASE back -> past.lock [] k = "rec" -> lock [] k = "step" -> AgeLock(lock, Step) [] OTHER -> NoLock)
        /\ rec' = (CASE back -> past.rec [] k = "lock" -> rec [] k = "step" -> AgeRec(rec, lock, Step) [] OTHER -> NoRec)
        /\ server' = [srv |-> IF k \in {"restart", "promote"} THEN server.srv + 1 ELSE server.srv,
                      up |-> IF k \in {"restart", "reboot"} THEN 0 ELSE server.up]
        /\ msgs' = (IF back /\ ~Survive THEN {} ELSE msgs) \* else they die with the old server's connections
  /\ past' = (IF losses' = MaxLosses THEN [lock |-> NoLock, rec |-> NoRec, taken |-> TRUE] ELSE [past EXCEPT !.taken = ~Copies])
  /\ UNCHANGED <<gen, nodes, reps, res, ghost, calm>>

(* ---------- time ---------- *)
Quiet == /\ net = <<{}, {}>>
         /\ \A n \in Node : nodes[n].out = "no" /\ ~CanAcquire(n) /\ ~CanRenew(n) /\ ~(nodes[n].st # "idle" /\ nodes[n].left = 0)
                            /\ (nodes[n].work = {} \/ nodes[n].st = "lead")
(* Zombies that cannot do anything any more are as good as lost. *)
Able(m) ==
  \/ m.live \/ Plain \/ Planted # {}
  \/ m.t = "acq" /\ (gen < MaxGrants)
  \/ m.t \in {"ren", "rel"} /\ m.att \in {lock.att, past.lock.att} \cup {k.att : k \in {k \in msgs : k.t = "acq"}}
(* Attempts are but names: that of the lock is called 1, and what was called so bears its old name. *)
New(a) == IF lock.att = 0 THEN a ELSE IF a = lock.att THEN 1 ELSE IF a = 1 THEN lock.att ELSE a
NewSet(as) == {New(a) : a \in as \cap Visible} \* the rest cannot come back
Aged(x, d) ==
  [x EXCEPT !.left = Sub(@, d), !.grace = Sub(@, d), !.loss = Sub(@, d), !.sent = IF x.out = "no" THEN 0 ELSE Min(@ + d, LeaseLength),
            !.tried = FALSE, !.cnt = IF Drifts THEN (IF d # 1 THEN 0 ELSE Min(@ + 1, DriftEvery)) ELSE 0,
            !.att = New(@), !.open = NewSet(@), !.spent = NewSet(@), !.freed = NewSet(@)]
Tick ==
  /\ calm => Quiet
  /\ \E d \in [Node -> IF Drifts THEN 0..2 ELSE {1}] :
       /\ \A n \in Node : d[n] # 1 => nodes[n].cnt >= DriftEvery
       /\ nodes' = [n \in Node |-> Aged(nodes[n], d[n])]
  /\ lock' = AgeLock([lock EXCEPT !.att = New(@)], 1) /\ rec' = AgeRec([rec EXCEPT !.att = New(@)], lock, 1) /\ server' = [server EXCEPT !.up = Min(@ + 1, TTL)]
  /\ past' = [past EXCEPT !.lock = AgeLock([@ EXCEPT !.att = New(@)], 1), !.rec = AgeRec([@ EXCEPT !.att = New(@)], past.lock, 1)]
  /\ msgs' = {[m EXCEPT !.att = New(@)] : m \in {k \in msgs : Able(k)}} /\ reps' = {[r EXCEPT !.att = New(@)] : r \in reps}
  /\ UNCHANGED <<losses, gen, res, ghost, calm>>

(* ---------- the fenced resource ---------- *)
Write(n) == \* asks is_leader, then writes; the write may travel for ever
  /\ Writes /\ IsLeader(n) /\ Cardinality(wmsgs) < 2
  /\ wmsgs' = wmsgs \cup {[ep |-> nodes[n].ep, gen |-> nodes[n].gen]} /\ UNCHANGED <<store, nodes, net, fence, ghost, calm>>
Arrive(w) ==
  /\ w \in wmsgs /\ wmsgs' = wmsgs \ {w}
  /\ IF w.ep < fence.ep /\ ~P("no-fencing") THEN UNCHANGED <<fence, sins>>
     ELSE fence' = w /\ sins' = (IF w.gen < fence.gen THEN sins \cup {"back"} ELSE sins)
  /\ UNCHANGED <<store, nodes, net, told, calm>>
Calm == Calms /\ ~calm /\ calm' = TRUE /\ UNCHANGED <<store, nodes, net, res, ghost>>

NodeStep == \E n \in Node : Acquire(n) \/ Renew(n) \/ Expire(n) \/ Abandon(n) \/ WorkDone(n)
NetStep == (\E m \in msgs : Deliver(m) \/ Grant(m)) \/ (\E r \in reps : Recv(r))
Faults == \/ \E n \in Node : Release(n) \/ (StartDrain(n) /\ ~calm) \/ Probe(n) \/ Crash(n)
          \/ \E m \in msgs : Drop(m)
          \/ \E k \in Losses : Loss(k)
          \/ Remember
Next == NodeStep \/ NetStep \/ Faults \/ Tick \/ (\E n \in Node : Write(n)) \/ (\E w \in wmsgs : Arrive(w)) \/ Calm
Spec == Init /\ [][Next]_vars
LiveSpec == Spec /\ WF_vars(NodeStep) /\ WF_vars(NetStep) /\ WF_vars(Tick) /\ WF_vars(Calm)

(* ---------- what must hold ---------- *)
TypeOK == lock.left \in 0..TTL /\ (lock.id = None <=> lock.left = 0) /\ rec.until \in 0..TTL
I1_NoTwoLeaders == \A a, b \in Node : a # b => ~(IsLeader(a) /\ IsLeader(b))
I2_FenceNeverGoesBack == "back" \notin sins
I3_EpochAnnouncedOnce == "twice" \notin sins
Works(n) == nodes[n].work # {} /\ nodes[n].left > 0
I4_WorkOfTwoNodesApart == \A a, b \in Node : a # b => ~(Works(a) /\ Works(b))
I5_OneTermAtATime == \A n \in Node : Cardinality(nodes[n].work) <= 1
I6_OverIsOver == "untimely" \notin sins /\ "revived" \notin sins
L1_LeaderInTheEnd == <>[](\E n \in Node : IsLeader(n))
(* What must be reached, so that the rest says something: these are violated. *)
V_NoLeader == \A n \in Node : ~IsLeader(n)
V_NoHandover == gen < 2 \/ V_NoLeader
V_NoLeaderAfterLoss == ~(losses > 0 /\ gen > 1 /\ \E n \in Node : IsLeader(n) /\ nodes[n].gen = gen /\ rec.srv = server.srv /\ rec.gen = gen /\ gen > 2)
V_NoAdoption == \A n \in Node : ~(nodes[n].out = "adp" /\ \E r \in reps : r.n = n /\ r.k = "ok")
V_NoStray == ~\E m \in msgs : m.t = "rel" /\ nodes[m.n].st = "idle" /\ lock.att = m.att
V_NoServedLoss == ~(losses > 0 /\ \E n \in Node : IsLeader(n) /\ nodes[n].gen = gen /\ \E r \in Node : nodes[r].lossd)
=============================================================================
