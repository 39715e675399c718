from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.message import MessageState, is_final
from penstock.domain.report import STATUSES, Report, fold

WORDS = ["Delivered", "Failure", "Expired", "Sent", "Pending", "nonsense", ""]


def reports(*statuses: str, provider_id: str = "m1") -> list[Report]:
    """Reports about one message, told apart by their time."""
    return [Report(provider_id, status, at, None) for at, status in enumerate(statuses)]


def test_words_are_named() -> None:
    """Each tolerated word means this state; `rejected` in a report is undelivered."""
    meant: dict[str, set[str]] = {}
    for word, state in STATUSES.items():
        meant.setdefault(state, set()).add(word)
    assert meant == {
        "delivered": {"delivered", "delivrd", "read", "seen"},
        "undelivered": {"failure", "failed", "undelivered", "undeliverable", "undeliv", "rejected", "rejectd"},
        "expired": {"expired"},
        "sent": {"sent", "pending", "queued", "buffered", "accepted", "acceptd"},
    }


@pytest.mark.parametrize("word", ["DELIVERED", "delivered", "Delivered"])
def test_case_does_not_matter(word: str) -> None:
    """A status is understood in any case."""
    assert Report("m1", word, None, None).state is MessageState.DELIVERED


@pytest.mark.parametrize("final", ["Delivered", "Failure", "Expired"])
def test_one_final_wins_in_every_order(final: str) -> None:
    """However the words about one message are shuffled, its one final is what remains, without a conflict."""
    for order in permutations([final, final, "Sent", "Pending", "nonsense"]):
        kept, conflicts = fold(reports(*order))
        assert [report.state for report in kept] == [STATUSES[final.lower()]]
        assert conflicts == []


def test_first_of_two_finals_is_kept_and_the_second_recorded() -> None:
    """In every order of three words the first final stays, and exactly the differing later finals are recorded."""
    for order in product(WORDS, repeat=3):
        kept, conflicts = fold(given := reports(*order))
        finals = [report for report in given if report.state is not None and is_final(report.state)]
        understood = [report for report in given if report.state is not None]
        assert kept == (finals or understood)[:1]
        assert conflicts == [report for report in finals if report.state is not finals[0].state]


@given(st.lists(st.tuples(st.sampled_from("cab"), st.sampled_from(WORDS))))
def test_fold_gives_one_sorted_row_an_id(heard: list[tuple[str, str]]) -> None:
    """The rows are sorted and distinct by id, and folding them again changes nothing."""
    kept, _ = fold(Report(name, word, None, None) for name, word in heard)
    names = [report.provider_id for report in kept]
    assert names == sorted(set(names))
    assert fold(kept) == (kept, [])


@given(st.lists(st.sampled_from(WORDS)), st.integers(0, 10))
def test_folding_in_two_flushes_agrees_with_one(words: list[str], cut: int) -> None:
    """Where a flush ends makes no difference to the state that remains."""
    whole, _ = fold(reports(*words))
    first, _ = fold(reports(*words)[:cut])
    second, _ = fold([*first, *reports(*words)[cut:]])
    assert second == whole
