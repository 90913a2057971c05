"""What a history must not show.

overlap    node said that it leads in epoch e, asked after somebody's answer of an epoch above e had returned
two-nodes  two nodes led in one epoch
stale      node said that it leads, asked after the deadline of its lease: by its own words, after a pause that was
           longer than any lease, or by the time at which the last command that could have extended it left
fence      no order of the writes that agrees with their times has a register whose epoch never goes back

An answer counts from its call to its return: true for one instant between them is all that it promises.
"""

from __future__ import annotations

import bisect
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from history import ACCEPTED, MS, REFUSED, UNKNOWN, Answer, History, Pause, Sent, Write


@dataclass
class Lease:
    """How long one can last; the rate is that of the slowest clock that a candidate was given."""

    ttl_ms: int
    margin_ms: int
    rate: float = 1.0

    @property
    def longest_ns(self) -> int:
        return int((self.ttl_ms - self.margin_ms) * MS / self.rate)


UNHURRIED = Lease(3000, 300)  # for a leader that has to stay one, on a machine as busy as it likes


@dataclass
class Overlap:
    epoch: int
    node: str
    above: int
    above_node: str
    length_ns: int  # from the first answer of the epoch above to the last question of this one
    last_called_ns: int
    answers: int


@dataclass
class Verdict:
    asked: int = 0
    answers: int = 0
    terms: int = 0
    changes: int = 0  # another node than in the term before
    accepted: int = 0
    refused: int = 0
    unknown: int = 0
    gap_ns: int = 0  # the longest without a leader, between two terms
    overlaps: list[Overlap] = field(default_factory=list)
    two_nodes: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    fence: list[str] = field(default_factory=list)

    @property
    def overlap_ns(self) -> int:
        return max((overlap.length_ns for overlap in self.overlaps), default=0)

    def violations(self) -> list[str]:
        return [*map(str, self.overlaps), *self.two_nodes, *self.stale, *self.fence]

    def kinds(self) -> set[str]:
        found = {"overlap": self.overlaps, "two-nodes": self.two_nodes, "stale": self.stale, "fence": self.fence}
        return {kind for kind, what in found.items() if what}

    def __str__(self) -> str:
        return (
            f"{self.asked} questions, {self.answers} times a leader; {self.terms} terms, {self.changes} changes, "
            f"longest gap {self.gap_ns / 1e9:.2f} s; writes: {self.accepted} accepted, {self.refused} refused, "
            f"{self.unknown} unknown; {len(self.overlaps)} overlaps (longest {self.overlap_ns / 1e6:.1f} ms), "
            f"{len(self.two_nodes)} epochs of two nodes, {len(self.stale)} stale answers, "
            f"{len(self.fence)} writes fenced wrongly"
        )


@dataclass
class Term:
    epoch: int
    node: str
    first_returned_ns: int
    last_called_ns: int


def terms_of(answers: Iterable[Answer]) -> tuple[list[Term], list[str]]:
    """Terms by epoch, as far as somebody led in them, and where one had two nodes."""
    terms: dict[int, Term] = {}
    wrong: dict[int, str] = {}
    for answer in answers:
        if answer.epoch == 0 or not answer.leads:
            continue
        term = terms.setdefault(answer.epoch, Term(answer.epoch, answer.node, answer.returned_ns, answer.called_ns))
        term.first_returned_ns = min(term.first_returned_ns, answer.returned_ns)
        term.last_called_ns = max(term.last_called_ns, answer.called_ns)
        if term.node != answer.node:
            wrong[answer.epoch] = f"epoch {answer.epoch}: {term.node} and {answer.node} lead"
    return sorted(terms.values(), key=lambda term: term.epoch), list(wrong.values())


def overlaps_of(terms: list[Term], answers: Iterable[Answer]) -> list[Overlap]:
    """Of each term the longest overlap with one of a higher epoch."""
    above: dict[int, Term] = {}  # by epoch: whose first answer returned first, of all higher ones
    first: Term | None = None
    for term in reversed(terms):
        if first:
            above[term.epoch] = first
        if not first or term.first_returned_ns < first.first_returned_ns:
            first = term
    count: dict[int, int] = defaultdict(int)
    for answer in answers:
        if answer.leads and answer.epoch in above and answer.called_ns > above[answer.epoch].first_returned_ns:
            count[answer.epoch] += 1
    found = []
    for term in terms:
        if count[term.epoch]:
            other = above[term.epoch]
            length = term.last_called_ns - other.first_returned_ns
            found.append(
                Overlap(term.epoch, term.node, other.epoch, other.node, length, term.last_called_ns, count[term.epoch])
            )
    return found


def gap_of(terms: list[Term]) -> int:
    """The longest time between terms in which no term was under way."""
    longest, until = 0, None
    for term in sorted(terms, key=lambda term: term.first_returned_ns):
        if until is not None:
            longest = max(longest, term.first_returned_ns - until)
        until = max(until or 0, term.last_called_ns)
    return longest


def stale_by_words(answers: Iterable[Answer]) -> list[str]:
    """A lease that has less than nothing left is none."""
    return [
        f"{answer.node} leads in epoch {answer.epoch} with {answer.lease_ms} ms of lease"
        for answer in answers
        if answer.lease_ms is not None and answer.lease_ms < 0
    ]


def stale_after_pauses(answers: list[Answer], pauses: Iterable[Pause], lease: Lease) -> list[str]:
    """A term from before a pause longer than any lease is over after it. answers: by the time of their calls."""
    found = []
    by_node: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_node[answer.node].append(answer)
    for pause in pauses:
        if pause.to_ns - pause.from_ns <= lease.longest_ns:
            continue
        mine = by_node[pause.node]
        begin = bisect.bisect_right(mine, pause.to_ns, key=lambda answer: answer.called_ns)
        known = {answer.epoch for answer in mine[:begin] if answer.called_ns < pause.from_ns}
        for answer in mine[begin:]:
            if answer.epoch == 0:
                continue
            if answer.epoch not in known:
                break  # a new term; epochs do not come back, or they overlap
            after = (answer.called_ns - pause.to_ns) / MS
            found.append(
                f"{answer.node} leads in epoch {answer.epoch}, {after:.1f} ms after a pause longer than a lease"
            )
    return found


def stale_by_commands(answers: Iterable[Answer], sent: Iterable[Sent], lease: Lease) -> list[str]:
    """No lease lasts longer than from the last command that left for the store, also while the answer was made."""
    times: dict[str, list[int]] = defaultdict(list)
    for command in sent:
        times[command.node].append(command.at_ns)
    for each in times.values():
        each.sort()
    found = []
    for answer in answers:
        if answer.node not in times:
            continue
        place = bisect.bisect_right(times[answer.node], answer.returned_ns)
        since = answer.called_ns - times[answer.node][place - 1] if place else None
        if since is None or since > lease.longest_ns:
            late = "before it sent anything" if since is None else f"{since / MS:.1f} ms after its last command left"
            found.append(f"{answer.node} leads in epoch {answer.epoch}, {late}")
    return found


def fence_of(writes: list[Write]) -> list[str]:
    """Is there an order of the writes, within their times, in which a register of the highest epoch answers so?

    Each answer shows what the highest epoch was at one moment between call and return: its own if it was accepted, a
    higher one if not. So that must never fall from an answer to one of a later call; and an epoch that was told must
    have been brought by a write of it that was called before, and not too late to be accepted. Both together are
    enough: put the writes in the order of what they show, a write that brought it first, then by their calls.
    """
    found: list[str] = []
    brought: dict[int, int] = {}  # when the first write that may have brought the epoch was called
    known = [write for write in writes if write.outcome != UNKNOWN]
    returned = sorted((write.returned_ns, shown(write)) for write in known)
    place = high = 0
    for write in sorted(writes, key=lambda write: write.called_ns):
        while place < len(returned) and returned[place][0] < write.called_ns:
            high = max(high, returned[place][1])
            place += 1
        if write.outcome != REFUSED and write.epoch >= high:
            brought.setdefault(write.epoch, write.called_ns)
        if write.outcome != UNKNOWN and shown(write) < high:
            found.append(f"{write.node}: the register went back from epoch {high} to {shown(write)}")
    for write in known:
        if write.outcome == REFUSED and write.high <= write.epoch:
            found.append(f"{write.node}: epoch {write.epoch} was refused for {write.high}")
        if write.outcome == REFUSED and brought.get(write.high, math.inf) > write.returned_ns:
            found.append(f"{write.node}: the register told epoch {write.high} before anybody wrote it")
    return found


def shown(write: Write) -> int:
    """What the highest epoch was when the register answered."""
    return write.epoch if write.outcome == ACCEPTED else write.high


def check(history: History, lease: Lease, pauses: Iterable[Pause] = (), sent: Iterable[Sent] = ()) -> Verdict:
    answers = sorted(history.answers, key=lambda answer: answer.called_ns)
    terms, two_nodes = terms_of(answers)
    order = sorted(terms, key=lambda term: term.first_returned_ns)
    outcomes = [write.outcome for write in history.writes]
    return Verdict(
        asked=history.asked,
        answers=len(answers),
        terms=len(terms),
        changes=sum(before.node != after.node for before, after in zip(order, order[1:], strict=False)),
        accepted=outcomes.count(ACCEPTED),
        refused=outcomes.count(REFUSED),
        unknown=outcomes.count(UNKNOWN),
        gap_ns=gap_of(terms),
        overlaps=overlaps_of(terms, answers),
        two_nodes=two_nodes,
        stale=[
            *stale_by_words(answers),
            *stale_after_pauses(answers, pauses, lease),
            *stale_by_commands(answers, sent, lease),
        ],
        fence=fence_of(history.writes),
    )
