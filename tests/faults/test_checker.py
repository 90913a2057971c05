"""The checker by histories made by hand: each violation in its smallest form, and beside it what is none."""

from __future__ import annotations

import itertools
import pathlib
import random

import checker
import history
import pytest
from checker import Lease
from history import ACCEPTED, MS, RECORD, REFUSED, UNKNOWN, Answer, History, Pause, Sent, Write

LEASE = Lease(1000, 100)


def answer(node: str, epoch: int, called: int, returned: int) -> Answer:
    return Answer(called, returned, epoch, node, True, None)


def write(epoch: int, called: int, returned: int, outcome: int = ACCEPTED, high: int = 0) -> Write:
    return Write(called, returned, epoch, "n", outcome, high)


def judge(*answers: Answer, pauses: tuple[Pause, ...] = (), sent: tuple[Sent, ...] = ()) -> checker.Verdict:
    return checker.check(History(answers=list(answers)), LEASE, pauses, sent)


def fenced(*writes: Write) -> checker.Verdict:
    return checker.check(History(writes=list(writes)), LEASE)


# ---- overlaps ----


def test_terms_one_after_the_other_are_no_overlap() -> None:
    verdict = judge(answer("a", 1, 10, 11), answer("a", 1, 20, 21), answer("b", 2, 30, 31), answer("a", 3, 50, 51))
    assert verdict.violations() == []
    assert (verdict.terms, verdict.changes, verdict.answers, verdict.gap_ns) == (3, 2, 4, 51 - 30)


def test_an_answer_called_after_one_of_a_higher_epoch_had_returned_is_an_overlap() -> None:
    verdict = judge(answer("a", 1, 10, 11), answer("b", 2, 20, 25), answer("a", 1, 30, 31), answer("a", 1, 40, 41))
    assert verdict.kinds() == {"overlap"}
    (overlap,) = verdict.overlaps
    assert (overlap.node, overlap.above_node, overlap.answers, overlap.length_ns) == ("a", "b", 2, 40 - 25)


def test_an_answer_that_was_called_before_the_other_returned_is_none() -> None:
    """True for an instant between call and return: the process may have been stopped in between."""
    assert judge(answer("a", 1, 24, 1000), answer("b", 2, 20, 25)).violations() == []
    assert judge(answer("a", 1, 25, 1000), answer("b", 2, 20, 25)).violations() == []


def test_an_overlap_is_seen_over_terms_in_between_and_where_epochs_go_back() -> None:
    assert judge(answer("a", 1, 50, 51), answer("b", 2, 40, 45), answer("c", 3, 20, 25)).kinds() == {"overlap"}
    assert judge(answer("b", 7, 10, 11), answer("a", 3, 20, 21)).kinds() == {"overlap"}


def test_an_overlap_of_one_node_with_itself_counts() -> None:
    assert judge(answer("a", 1, 30, 31), answer("a", 2, 20, 21)).kinds() == {"overlap"}


def test_who_drains_does_not_lead() -> None:
    assert judge(answer("b", 2, 20, 25), answer("a", 1, 30, 31)._replace(leads=False)).violations() == []


def test_an_answer_without_a_term_belongs_to_none() -> None:
    assert judge(answer("b", 2, 20, 25), answer("a", 0, 30, 31)).violations() == []


def test_two_nodes_in_one_epoch() -> None:
    assert judge(answer("a", 1, 10, 11), answer("b", 1, 12, 13)).kinds() == {"two-nodes"}


def test_the_longest_gap_is_that_in_which_no_term_is_under_way() -> None:
    terms = judge(answer("a", 1, 10, 11), answer("a", 1, 100, 101), answer("b", 2, 150, 160), answer("c", 3, 170, 500))
    assert terms.gap_ns == 500 - 150
    assert judge(answer("a", 1, 10, 11)).gap_ns == 0 == judge().gap_ns


# ---- stale answers ----


def test_a_lease_with_less_than_nothing_left() -> None:
    assert judge(answer("a", 1, 10, 11)._replace(lease_ms=-1)).kinds() == {"stale"}
    assert judge(answer("a", 1, 10, 11)._replace(lease_ms=0)).violations() == []


def test_an_answer_after_a_pause_longer_than_a_lease() -> None:
    pause = (Pause("a", 100, 100 + 901 * MS),)
    after = pause[0].to_ns + 1
    assert judge(answer("a", 1, 50, 60), answer("a", 1, after, after), pauses=pause).kinds() == {"stale"}
    assert judge(answer("a", 1, 50, after), pauses=pause).violations() == [], "it was called before"
    assert judge(answer("a", 1, 50, 60), answer("a", 2, after, after), pauses=pause).violations() == [], "a new term"
    assert judge(answer("a", 1, 50, 60), answer("b", 2, after, after), pauses=pause).violations() == [], "another node"


def test_an_answer_after_a_short_pause_may_be_true() -> None:
    pause = (Pause("a", 100, 100 + 899 * MS),)
    assert judge(answer("a", 1, 50, 60), answer("a", 1, 900 * MS, 901 * MS), pauses=pause).violations() == []


def test_an_answer_longer_after_the_last_command_than_a_lease() -> None:
    sent = (Sent("a", 0), Sent("a", 500 * MS), Sent("b", 1450 * MS))
    assert judge(answer("a", 1, 1400 * MS, 1401 * MS), sent=sent).violations() == []
    assert judge(answer("a", 0, 1401 * MS, 1402 * MS), sent=sent).kinds() == {"stale"}
    assert judge(answer("b", 1, 1400 * MS, 1401 * MS), sent=sent).kinds() == {"stale"}, "before any command"
    assert judge(answer("c", 1, 1400 * MS, 1401 * MS), sent=sent).violations() == [], "its commands are not known"


def test_an_answer_may_rest_on_a_command_that_left_while_it_was_made() -> None:
    slow_answer = answer("a", 0, 1401 * MS, 1450 * MS)  # its thread stood still after the call began
    assert judge(slow_answer, sent=(Sent("a", 0), Sent("a", 1440 * MS))).violations() == []
    assert judge(slow_answer, sent=(Sent("a", 0), Sent("a", 1451 * MS))).kinds() == {"stale"}


def test_a_slow_clock_has_longer_leases() -> None:
    slow = Lease(1000, 100, rate=0.95)
    late = History(answers=[answer("a", 1, 940 * MS, 941 * MS)])
    assert checker.check(late, slow, sent=[Sent("a", 0)]).violations() == []
    assert checker.check(late, LEASE, sent=[Sent("a", 0)]).kinds() == {"stale"}


# ---- the register ----


def test_epochs_that_rise_and_a_late_one_that_is_refused() -> None:
    verdict = fenced(write(1, 10, 11), write(1, 12, 13), write(2, 20, 21), write(1, 30, 31, REFUSED, 2))
    assert verdict.violations() == []
    assert (verdict.accepted, verdict.refused) == (3, 1)


def test_an_accepted_epoch_that_goes_back() -> None:
    assert fenced(write(2, 20, 21), write(1, 30, 31)).kinds() == {"fence"}
    assert fenced(write(2, 20, 31), write(1, 30, 40)).violations() == [], "they may have come the other way round"


def test_an_epoch_that_was_told_and_is_forgotten() -> None:
    forgotten = fenced(write(3, 5, 100, UNKNOWN), write(1, 10, 11, REFUSED, 3), write(2, 20, 21))
    assert forgotten.kinds() == {"fence"}


def test_a_refusal_needs_a_higher_epoch_that_was_written_before_it_returned() -> None:
    assert fenced(write(1, 10, 20, REFUSED, 2)).kinds() == {"fence"}
    assert fenced(write(1, 10, 20, REFUSED, 2), write(2, 21, 30)).kinds() == {"fence"}
    assert fenced(write(1, 10, 20, REFUSED, 2), write(2, 19, 30)).violations() == []
    assert fenced(write(2, 5, 6), write(2, 10, 20, REFUSED, 2)).kinds() == {"fence"}, "equal epochs are accepted"


def test_a_write_that_ended_in_an_error_may_have_happened_at_any_time_or_never() -> None:
    assert fenced(write(2, 5, 0, UNKNOWN), write(1, 10, 20, REFUSED, 2)).violations() == []
    assert fenced(write(2, 5, 0, UNKNOWN), write(1, 10, 20), write(1, 100, 120, REFUSED, 2)).violations() == []
    assert fenced(write(2, 5, 0, UNKNOWN), write(1, 10, 20)).violations() == []


def possible(writes: list[Write]) -> bool:
    """By trying all orders: is there one that agrees with the times and in which the register answers so?"""
    for size in range(len(writes) + 1):
        for some in itertools.permutations(writes, size):
            left_out = [each for each in writes if each not in some]
            if any(each.outcome != UNKNOWN for each in left_out):
                continue
            if any(b.returned_ns and b.returned_ns < a.called_ns for a, b in itertools.combinations(some, 2)):
                continue
            high, right = 0, True
            for each in some:
                fits = each.epoch >= high
                if each.outcome == REFUSED:
                    right = right and not fits and each.high == high
                else:
                    right = right and (fits or each.outcome == UNKNOWN)
                    high = max(high, each.epoch)
            if right:
                return True
    return False


def test_the_quick_way_agrees_with_trying_all_orders() -> None:
    seed = random.randrange(1 << 32)
    draw = random.Random(seed)
    seen = {True: 0, False: 0}
    for _ in range(5000):
        writes = []
        for number in range(draw.randint(1, 5)):
            called = draw.randrange(0, 40) * 10 + number
            outcome = draw.choice([ACCEPTED, ACCEPTED, REFUSED, UNKNOWN])
            returned = 0 if outcome == UNKNOWN else called + draw.randrange(1, 200)
            epoch = draw.randint(1, 4)
            writes.append(write(epoch, called, returned, outcome, draw.randint(1, 4) if outcome == REFUSED else 0))
        agreed = possible(writes)
        seen[agreed] += 1
        assert (checker.fence_of(writes) == []) == agreed, f"seed {seed}: {writes}"
    assert min(seen.values()) > 300, seen


# ---- files ----


def test_a_file_is_read_up_to_where_its_writer_was_killed(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "history"
    rows = [
        (1, 2, 7, 0, 900, history.CHECK, 1),
        (3, 4, 7, 0, 0, history.LEADS, 1),
        (5, 6, 7, 0, 5, history.CHECK, 2),
        (7, 8, 0, 12, 0, history.SILENCE, 0),
        (9, 0, 7, 0, 0, history.WRITE, ACCEPTED),
        (10, 11, 7, 9, 0, history.WRITE, REFUSED),
        (12, 0, 7, 0, 0, history.CHECK, 1),
    ]
    file.write_bytes(b"".join(RECORD.pack(*row) for row in rows) + bytes(RECORD.size * 3))
    found = History()
    found.read("a", file)
    assert found.answers == [
        Answer(1, 2, 7, "a", True, 900),
        Answer(3, 4, 7, "a", True, None),
        Answer(5, 6, 7, "a", False, 5),
    ]
    assert found.writes == [Write(9, 0, 7, "a", UNKNOWN, 0), Write(10, 11, 7, "a", REFUSED, 9)]
    assert found.asked == 15


@pytest.mark.parametrize("content", [None, b""])
def test_a_file_that_was_never_written(tmp_path: pathlib.Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "history").write_bytes(content)
    found = History()
    found.read("a", tmp_path / "history")
    assert found == History()
