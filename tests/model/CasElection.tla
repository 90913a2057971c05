----------------------------- MODULE CasElection -----------------------------
(* The same candidates over a register that knows compare-and-set and nothing else (libelect/src/stores/cas.c): no lock *)
(* that ends by itself, no clock.  A lease is over for others when the record has not changed for as long on their own  *)
(* clock.  A write that is given up may land later ("zombie": live = FALSE), if its version is still the register's.    *)
(* Time and Planted are as in LeaseElection.tla; versions and attempts are numbered anew when nobody knows a number.    *)
EXTENDS Naturals, FiniteSets
CONSTANTS
  Node, TTL, Margin, DriftEvery, MaxGrants, MaxMessages, MaxLosses,
  Losses,      \* "delete": the record is gone.  "old": an earlier one is back, version and all
  Warm,        \* a first term has ended well before: the register holds its released record
  FairLosses,  \* "old" only where every candidate has read the latest record, and no write waits for the one that comes back
  Crashes,     \* a candidate may begin anew and know nothing
  Copies,      \* the earlier record may be of any time; FALSE: it is that of the beginning
  Bootstrap,   \* who has never seen a record doesn't wait where there is none
  Peers,       \* a follower may ask the recorded leader itself whether its term has ended
  Planted
VARIABLES reg, past, gen, losses, nodes, msgs, reps, told, top, sins
store == <<reg, past, gen, losses>>
ghost == <<told, top, sins>>
vars  == <<store, nodes, msgs, reps, ghost>>

Min(a,b) == IF a < b THEN a ELSE b
Max(a,b) == IF a > b THEN a ELSE b
Sub(a,b) == IF a > b THEN a - b ELSE 0
P(bug) == bug \in Planted
(* ver 0: absent.  who is the incarnation, gen a ghost that counts grants. *)
Absent == [ver |-> 0, ep |-> 0, gen |-> 0, who |-> "none", att |-> 0, rel |-> FALSE]
Reg0   == IF Warm THEN [Absent EXCEPT !.ver = 1, !.ep = 1, !.gen = 1, !.rel = TRUE] ELSE Absent
Drifts == DriftEvery < 99
Node0  ==
  [st |-> "idle", left |-> 0, ep |-> 0, gen |-> 0, att |-> 0,
   op |-> "no",         \* the election's operation: "acq", "ren", "adp" (the renewal that adopts), "rel"
   sent |-> 0,          \* ticks since the operation began: the lease counts from there
   req |-> "no",        \* the register's: "read", "write"
   asked |-> 0,         \* planted only: ticks since the read was sent
   doubt |-> FALSE,     \* a write of this operation may yet land
   mine |-> {},         \* versions that this operation wrote, landed or not
   seen |-> FALSE, current |-> FALSE, view |-> Absent, \* the register as last seen
   wait |-> 0,          \* for so long it must stay as it is
   hi |-> 0, last |-> 0, open |-> {}, spent |-> {}, tried |-> FALSE, cnt |-> IF Drifts THEN DriftEvery ELSE 0]
Init ==
  /\ reg = Reg0 /\ past = [reg |-> IF "old" \in Losses THEN Reg0 ELSE Absent, taken |-> ~Copies] /\ gen = Reg0.gen /\ losses = 0
  /\ nodes = [n \in Node |-> Node0] /\ msgs = {} /\ reps = {} /\ told = {} /\ top = Reg0.ep /\ sins = {}
IsLeader(n) == nodes[n].st = "lead" /\ nodes[n].left > 0

(* ---------- numbers ---------- *)
Atts == {reg.att, past.reg.att} \cup {m.new.att : m \in msgs} \cup {r.rec.att : r \in reps} \cup {nodes[n].view.att : n \in Node}
Vers == {reg.ver, past.reg.ver} \cup {m.new.ver : m \in msgs} \cup {m.cond : m \in msgs} \cup {r.rec.ver : r \in reps}
        \cup UNION {nodes[n].mine \cup {nodes[n].view.ver} : n \in Node}
FreshAtt == LET used == Atts \cup UNION {nodes[n].open \cup nodes[n].spent \cup {nodes[n].att} : n \in Node}
            IN CHOOSE a \in 1..20 : a \notin used /\ \A b \in 1..(a-1) : b \in used
FreshVer == CHOOSE v \in 1..30 : v \notin Vers /\ \A w \in 1..(v-1) : w \in Vers

(* ---------- what a candidate does with a register that it knows; result: the candidate, what it writes, is it elected? ---------- *)
Patience == TTL + (IF P("cas-wait-without-margin") THEN 0 ELSE Margin)
LeaseLength == IF P("margin-zero") THEN TTL ELSE TTL - Margin
Is(x) == [x |-> x, w |-> {}, el |-> FALSE]
Idle(x) == [x EXCEPT !.op = "no", !.req = "no", !.sent = 0, !.asked = 0, !.doubt = FALSE, !.mine = {}, !.att = IF x.st = "idle" THEN 0 ELSE @,
                      !.ep = IF x.st = "idle" THEN 0 ELSE @]
Down(x) == [Idle([x EXCEPT !.st = "idle"]) EXCEPT !.left = 0, !.ep = 0, !.gen = 0]
Room == Cardinality(msgs) < MaxMessages
Writes(n, x, rec) ==
  LET same == P("cas-body-not-unique") /\ rec = x.view
      new == IF same THEN rec ELSE [rec EXCEPT !.ver = FreshVer]
  IN IF Room /\ Cardinality(x.mine) < 2
     THEN [x |-> [x EXCEPT !.req = "write", !.mine = @ \cup {new.ver}],
           w |-> {[n |-> n, t |-> x.op, cond |-> x.view.ver, new |-> new, live |-> TRUE]}, el |-> FALSE]
     ELSE Is(Idle(x)) \* as one that is refused before it is sent
(* A record older than what was seen is a restored one: it says nothing of the term after it. *)
Restored(x) == x.view.ep < x.hi
IsOurs(x, a) == x.view.ver # 0 /\ (x.view.att = a \/ P("cas-foreign-is-ours")) /\ (~Restored(x) \/ P("cas-restored-is-ours"))
Released(x) == x.view.rel /\ (~Restored(x) \/ P("cas-old-release-trusted"))
New(x) == Bootstrap /\ x.seen /\ x.view.ver = 0 /\ (x.hi = 0 \/ P("cas-bootstrap-always"))
Free(x) == x.wait = 0 \/ Released(x) \/ New(x) \/ (x.view.ver = 0 /\ P("cas-absent-is-free"))
(* Without losses the record's epoch is never below one that was seen: nobody need remember. *)
Rises == MaxLosses > 0 \/ Planted # {} \/ Bootstrap \/ Peers
Elects(x, rec) == [x |-> [Idle(x) EXCEPT !.st = "lead", !.left = Sub(LeaseLength, x.sent), !.ep = rec.ep, !.gen = rec.gen, !.att = rec.att,
                                        !.hi = IF Rises THEN Max(@, rec.ep) ELSE @, !.last = IF Rises THEN rec.ep ELSE @, !.open = @ \ {rec.att}, !.spent = @ \cup {rec.att}],
                   w |-> {}, el |-> TRUE]
Freed(x, a) == [x EXCEPT !.open = @ \ {a}, !.spent = @ \ {a}]
Give(n, x, a) == \* a record of ours that must not stand: the register is read, so it is written at once
  LET y == [Freed(Idle(x), a) EXCEPT !.op = "rel", !.att = a]
  IN IF IsOurs(x, a) /\ ~x.view.rel THEN Writes(n, y, [x.view EXCEPT !.rel = TRUE]) ELSE Is(Idle(y))
Won(n, x) == IF x.sent < TTL - Margin /\ x.view.ep > x.last THEN Elects(x, x.view) ELSE Give(n, x, x.att)
Held(n, x) ==
  LET a == x.view.att
      z == Idle([x EXCEPT !.open = @ \ {x.att}])
  IN IF a \in z.open \cup z.spent /\ ~IsOurs(z, a) THEN Is(Freed(z, a))
     ELSE IF a \in z.open /\ x.view.ep > x.last THEN Writes(n, [z EXCEPT !.op = "adp", !.att = a, !.ep = x.view.ep], x.view)
     ELSE IF a \in z.open \cup z.spent THEN Give(n, z, a)
     ELSE Is(z)
GoAcquire(n, x) ==
  IF IsOurs(x, x.att) /\ ~x.view.rel THEN Won(n, x)
  ELSE IF x.doubt THEN Is(Idle(x))
  ELSE IF ~Free(x) /\ x.view.ver # 0 /\ ~x.view.rel THEN Held(n, x)
  \* it changed under our write and is free again: once more, but an attempt that was released stays so
  ELSE IF ~Free(x) \/ (x.mine # {} /\ IsOurs(x, x.att)) \/ Cardinality(x.mine) = 2 THEN Is(Idle([x EXCEPT !.open = @ \ {x.att}]))
  ELSE Writes(n, x, [Absent EXCEPT !.ep = Max(Max(x.view.ep, x.hi), gen) + 1, !.who = n, !.att = x.att])
Lost(x) == IF x.op = "adp" THEN Is(Idle([x EXCEPT !.open = @ \ {x.att}])) ELSE Is(Down(x))
GoRenew(n, x) ==
  IF ~IsOurs(x, x.att) \/ x.view.rel \/ x.view.ep # x.ep THEN Lost(x)
  \* the write that the register shows must be of this operation, whose time of sending counts
  ELSE IF x.mine # {} /\ (x.view.ver \in x.mine \/ P("cas-credits-latest"))
       THEN IF x.op = "adp" THEN Won(n, x)
            ELSE IF x.left = 0 THEN Is(Down(x)) ELSE Is([Idle(x) EXCEPT !.left = Max(@, Sub(LeaseLength, x.sent))])
  ELSE Writes(n, x, x.view)
GoRelease(n, x) == IF IsOurs(x, x.att) /\ ~x.view.rel THEN Writes(n, x, [x.view EXCEPT !.rel = TRUE]) ELSE Is(IF x.st = "idle" THEN Idle(x) ELSE Down(x))
GoOn(n, x) == CASE x.op = "acq" -> GoAcquire(n, x) [] x.op = "rel" -> GoRelease(n, x) [] OTHER -> GoRenew(n, x)
Read(x) == Is([x EXCEPT !.req = "read", !.asked = 0])
Submit(n, x) ==
  IF x.current /\ (IF x.op = "acq" THEN Free(x) ELSE IsOurs(x, x.att) /\ ~x.view.rel) THEN GoOn(n, x) ELSE Read(x)
Put(n, res, ms, rs) ==
  /\ nodes' = [nodes EXCEPT ![n] = res.x] /\ msgs' = ms \cup res.w /\ reps' = rs
  /\ told' = (IF res.el THEN told \cup {res.x.ep} ELSE told)
  /\ sins' = (IF res.el /\ res.x.ep \in told THEN sins \cup {"twice"} ELSE sins) /\ UNCHANGED top

(* ---------- candidates ---------- *)
Acquire(n) ==
  LET x == nodes[n]
      a == FreshAtt
  IN /\ x.st = "idle" /\ x.op = "no" /\ ~x.tried /\ (gen < MaxGrants \/ x.open # {})
     /\ Put(n, Submit(n, [x EXCEPT !.op = "acq", !.att = a, !.tried = TRUE, !.open = @ \cup {a}]), msgs, reps) /\ UNCHANGED store
Renew(n) ==
  LET x == nodes[n]
  IN /\ x.st = "lead" /\ x.left > 0 /\ x.op = "no" /\ ~x.tried
     /\ Put(n, Submit(n, [x EXCEPT !.op = "ren", !.tried = TRUE]), msgs, reps) /\ UNCHANGED store
Release(n) ==
  LET x == nodes[n]
      y == Freed(IF P("release-before-stepping-down") THEN x ELSE Down(x), x.att)
  IN /\ x.st = "lead" /\ x.op = "no" /\ ~x.tried
     /\ Put(n, Submit(n, [y EXCEPT !.op = "rel", !.att = x.att, !.tried = TRUE]), msgs, reps) /\ UNCHANGED store
Zombies(n, ms) == {IF m.n = n THEN [m EXCEPT !.live = FALSE] ELSE m : m \in ms}
Deaf(n) == {r \in reps : r.n # n}
Unsure(x) == IF x.req = "write" THEN [x EXCEPT !.current = FALSE] ELSE x
Expire(n) ==
  LET x == nodes[n]
  IN x.st = "lead" /\ x.left = 0 /\ Put(n, Is(Down(Unsure(x))), Zombies(n, msgs), Deaf(n)) /\ UNCHANGED store
Abandon(n) == \* the whole operation is given up
  LET x == nodes[n]
      y == IF x.op = "acq" /\ x.mine = {} THEN Freed(x, x.att) ELSE Unsure(x) \* nobody will ever hear of an attempt that wasn't sent
  IN x.op # "no" /\ Put(n, Is(IF x.op = "rel" THEN Down(y) ELSE Idle(y)), Zombies(n, msgs), Deaf(n))
     /\ UNCHANGED store
Doubt(n) == \* a write without an answer: look what became of it
  LET x == nodes[n]
  IN x.req = "write" /\ Put(n, Read([x EXCEPT !.doubt = TRUE, !.current = FALSE]), Zombies(n, msgs), Deaf(n)) /\ UNCHANGED store
Crash(n) ==
  /\ Crashes /\ nodes[n].seen
  /\ Put(n, Is([Node0 EXCEPT !.cnt = nodes[n].cnt, !.tried = nodes[n].tried]), Zombies(n, msgs), Deaf(n)) /\ UNCHANGED store
AskPeer(n) ==
  LET x == nodes[n]
      l == x.view.who
  IN /\ Peers /\ x.st = "idle" /\ x.op = "no" /\ x.wait > 0 /\ l \in Node
     /\ P("another-incarnation-tells") \/ (l # n /\ nodes[l].st = "idle" /\ nodes[l].last >= x.view.ep)
     /\ Put(n, Is([x EXCEPT !.wait = 0]), msgs, reps) /\ UNCHANGED store
(* The clock starts after the answer: the leader may have written until just before it. *)
Learn(x, rec) ==
  LET w == IF P("cas-first-look-is-free") /\ ~x.seen THEN 0 ELSE IF P("cas-seen-before-answer") THEN Sub(Patience, x.asked) ELSE Patience
  IN [x EXCEPT !.seen = TRUE, !.current = TRUE, !.view = rec, !.hi = IF Rises THEN Max(@, rec.ep) ELSE @,
               !.wait = IF x.seen /\ (x.view.ver = rec.ver \/ P("cas-change-unnoticed")) THEN @ ELSE w]
Recv(r) ==
  LET n == r.n
      x == [nodes[n] EXCEPT !.req = "no"]
      y == Learn(x, r.rec)
      done == CASE x.op = "acq" -> Won(n, y)
                [] x.op = "adp" -> Won(n, y)
                [] x.op = "rel" -> Is(IF x.st = "idle" THEN Idle(y) ELSE Down(y))
                [] OTHER -> IF x.left = 0 THEN Is(Down(y)) ELSE Is([Idle(y) EXCEPT !.left = Max(@, Sub(LeaseLength, x.sent))])
  IN /\ r \in reps /\ UNCHANGED store
     /\ Put(n, IF r.k = "written" \/ P("cas-conflict-is-success") THEN done ELSE Read([x EXCEPT !.current = FALSE]), msgs, reps \ {r})
(* A read and its answer.  An answer that comes late is worth no more than one at once to a process that is paused then. *)
Serve(n) ==
  LET x == [nodes[n] EXCEPT !.req = "no"]
      y == Learn(x, reg)
      z == IF reg.ver # x.view.ver THEN [y EXCEPT !.doubt = FALSE] ELSE y \* what waits for the old version can't land any more
  IN nodes[n].req = "read" /\ Put(n, GoOn(n, z), msgs, reps) /\ UNCHANGED store

(* ---------- the register ---------- *)
Land(m) ==
  LET grants == m.t = "acq"
      rec == [m.new EXCEPT !.gen = IF grants THEN gen + 1 ELSE @]
      lands == reg.ver = m.cond
  IN /\ m \in msgs /\ msgs' = msgs \ {m} /\ (lands /\ grants => gen < MaxGrants)
     /\ reg' = (IF lands THEN rec ELSE reg) /\ gen' = (IF lands /\ grants THEN gen + 1 ELSE gen)
     /\ reps' = (IF m.live THEN reps \cup {[n |-> m.n, k |-> IF lands THEN "written" ELSE "conflict", rec |-> IF lands \/ P("cas-conflict-is-success") THEN rec ELSE Absent]} ELSE reps)
     /\ top' = (IF lands /\ grants THEN Max(top, rec.ep) ELSE top)
     /\ sins' = (IF lands /\ grants /\ rec.ep <= top THEN sins \cup {"back"} ELSE sins)
     /\ UNCHANGED <<past, losses, nodes, told>>
Drop(m) == m \in msgs /\ ~m.live /\ msgs' = msgs \ {m} /\ UNCHANGED <<store, nodes, reps, ghost>>
Remember ==
  /\ ~past.taken /\ losses < MaxLosses /\ "old" \in Losses /\ past' = [reg |-> reg, taken |-> TRUE]
  /\ UNCHANGED <<reg, gen, losses, nodes, msgs, reps, ghost>>
Loss(k) ==
  /\ losses < MaxLosses /\ losses' = losses + 1
  /\ (k = "old" /\ FairLosses) =>
       /\ \A n \in Node : nodes[n].seen /\ nodes[n].view.ver = reg.ver
       /\ \A m \in msgs : m.cond # past.reg.ver
       /\ \A r \in reps : r.rec.ver # past.reg.ver
  /\ reg' = (IF k = "old" THEN past.reg ELSE Absent)
  /\ past' = (IF losses' = MaxLosses THEN [reg |-> Absent, taken |-> TRUE] ELSE past) /\ UNCHANGED <<gen, nodes, msgs, reps, ghost>>

(* ---------- time ---------- *)
(* Versions and attempts are but names: those of the register are called 1, and what was called so bears their old names. *)
Swap(a, b) == IF b = 0 THEN a ELSE IF a = b THEN 1 ELSE IF a = 1 THEN b ELSE a
NewVer(v) == Swap(v, reg.ver)
NewAtt(a) == Swap(a, reg.att)
NewAtts(as) == {NewAtt(a) : a \in as \cap Atts} \* the rest cannot come back
NewRec(r) == [r EXCEPT !.ver = NewVer(@), !.att = NewAtt(@)]
(* Versions that the register may yet have.  A view of another is as good as none: a write on it fails, a read replaces it. *)
Alive == {reg.ver} \cup {m.new.ver : m \in msgs}
         \cup IF losses < MaxLosses THEN (IF "old" \in Losses THEN {past.reg.ver} ELSE {}) \cup (IF "delete" \in Losses THEN {0} ELSE {}) ELSE {}
Stale == [Absent EXCEPT !.ver = 99]
Fading(x) == IF ~x.seen \/ x.view.ver \in Alive THEN [x EXCEPT !.view = NewRec(@)] ELSE [x EXCEPT !.view = Stale, !.current = FALSE, !.wait = 0]
Aged(x, d) ==
  [x EXCEPT !.left = Sub(@, d), !.wait = Sub(@, d), !.sent = IF x.op = "no" THEN 0 ELSE Min(@ + d, TTL),
            !.asked = IF x.req = "read" /\ P("cas-seen-before-answer") THEN Min(@ + d, Patience) ELSE 0, !.tried = FALSE,
            !.cnt = IF Drifts THEN (IF d # 1 THEN 0 ELSE Min(@ + 1, DriftEvery)) ELSE 0,
            !.att = NewAtt(@), !.open = NewAtts(@), !.spent = NewAtts(@), !.mine = {NewVer(v) : v \in @}]
Able(m) == m.live \/ m.cond \in Alive
Tick ==
  /\ \E d \in [Node -> IF Drifts THEN 0..2 ELSE {1}] :
       /\ \A n \in Node : d[n] # 1 => nodes[n].cnt >= DriftEvery
       /\ nodes' = [n \in Node |-> Aged(Fading(nodes[n]), d[n])]
  /\ msgs' = {[m EXCEPT !.cond = NewVer(@), !.new = NewRec(@)] : m \in {k \in msgs : Able(k)}}
  /\ reps' = {[r EXCEPT !.rec = NewRec(@)] : r \in reps}
  /\ reg' = NewRec(reg) /\ past' = [past EXCEPT !.reg = NewRec(@)] /\ UNCHANGED <<gen, losses, ghost>>

Next == \/ \E n \in Node : Acquire(n) \/ Renew(n) \/ Release(n) \/ Expire(n) \/ Abandon(n) \/ Doubt(n) \/ Crash(n) \/ AskPeer(n) \/ Serve(n)
        \/ \E m \in msgs : Land(m) \/ Drop(m)
        \/ \E r \in reps : Recv(r)
        \/ \E k \in Losses : Loss(k)
        \/ Remember \/ Tick
Spec == Init /\ [][Next]_vars

(* ---------- what must hold ---------- *)
TypeOK == reg.ver \in 0..30 /\ \A n \in Node : nodes[n].st = "idle" => nodes[n].left = 0
I1_NoTwoLeaders == \A a, b \in Node : a # b => ~(IsLeader(a) /\ IsLeader(b))
I2_EpochsRise == "back" \notin sins
I3_EpochAnnouncedOnce == "twice" \notin sins
V_NoHandover == ~(gen > 1 /\ \E n \in Node : IsLeader(n) /\ nodes[n].gen = gen)
V_NoTakeOver == ~(gen > 1 /\ \E n \in Node : IsLeader(n) /\ nodes[n].gen = gen /\ \E o \in Node : o # n /\ nodes[o].st = "lead")
V_NoAdoption == \A n \in Node : ~(nodes[n].op = "adp" /\ nodes[n].req = "write" /\ \E r \in reps : r.n = n /\ r.k = "written")
V_NoZombieSeen == \A n \in Node : ~(IsLeader(n) /\ nodes[n].op = "ren" /\ nodes[n].doubt /\ nodes[n].req = "read" /\ reg.ver \in nodes[n].mine)
=============================================================================
