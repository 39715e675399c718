from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.domain.evidence import Ambiguous, Match, Seen, Suspect, match
from penstock.domain.ids import AttemptId, CampaignId, message_id
from penstock.domain.report import Report

CAMPAIGN = CampaignId(UUID(int=7))
OTHER = CampaignId(UUID(int=8))
NUMBER = 4915100000001


def suspect(seq: int = 0, *, campaign: CampaignId = CAMPAIGN, number: int = NUMBER, text: str = "Hello") -> Suspect:
    """An unknown message."""
    return Suspect(AttemptId(UUID(int=1)), campaign, seq, number, text)


def seen(*numbers: int, text: str | None = "Hello", reference: str | None = None) -> Seen:
    """What the provider shows."""
    report = Report("01KC0000000000000000000001", "Sent", None, None)
    return Seen(report=report, accepted_ms=1, numbers=frozenset(numbers), text=text, reference=reference)


def test_number_and_text_prove_one_message() -> None:
    """The only suspect with this number and this text is the one, also where the sender's number is shown beside it."""
    ours = suspect(3)
    others = [suspect(4, number=NUMBER + 1), suspect(5, text="Hello you")]
    assert match(seen(NUMBER), [ours, *others]) == Match(ours, "content")
    assert match(seen(NUMBER, 30555), [ours, *others]) == Match(ours, "content")


@pytest.mark.parametrize("shown", [seen(NUMBER, text="Hello!"), seen(NUMBER + 1), seen(), seen(NUMBER, text=None)])
def test_what_differs_or_is_not_shown_proves_nothing(shown: Seen) -> None:
    """Another text, another number, no number, no text: no match."""
    assert match(shown, [suspect()]) is None


def test_two_that_fit_prove_neither() -> None:
    """The same text to the same number in two campaigns leaves both unknown."""
    assert match(seen(NUMBER), [suspect(), suspect(campaign=OTHER)]) == Ambiguous(2)


def test_our_reference_decides_at_once() -> None:
    """It tells two apart that nothing else tells apart, and needs neither number nor text."""
    twins = [suspect(), suspect(campaign=OTHER)]
    name = message_id(OTHER, 0)
    assert match(seen(NUMBER, reference=name), twins) == Match(twins[1], "reference")
    assert match(seen(text=None, reference=name), twins) == Match(twins[1], "reference")


def test_a_reference_excludes_everybody_else() -> None:
    """A message that carries the name of another of ours is not this one, whatever its number and text."""
    assert match(seen(NUMBER, reference=message_id(OTHER, 9)), [suspect()]) is None


def test_a_reference_does_not_outweigh_the_number() -> None:
    """A message that went to somebody else was not ours: something is wrong, and nothing is settled by it."""
    assert match(seen(NUMBER + 1, reference=message_id(CAMPAIGN, 0)), [suspect()]) is None


@pytest.mark.parametrize("reference", ["", "spring", "01KC0000000000000000000001", "x" * 500])
def test_a_reference_of_somebody_else_says_nothing(reference: str) -> None:
    """Then number and text decide as they do without one."""
    assert match(seen(NUMBER, reference=reference), [suspect()]) == Match(suspect(), "content")


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab")), max_size=6),
    st.frozensets(st.integers(0, 3), max_size=2),
    st.sampled_from("ab"),
)
def test_a_match_is_never_a_guess(messages: list[tuple[int, str]], numbers: frozenset[int], text: str) -> None:
    """Whatever is asked and shown: a match fits, and is the only one that does."""
    suspects = [suspect(seq, number=number, text=text) for seq, (number, text) in enumerate(messages)]
    fitting = [one for one in suspects if one.number in numbers and one.text == text]
    found = match(seen(*numbers, text=text), suspects)
    match len(fitting):
        case 0:
            assert found is None
        case 1:
            assert found == Match(fitting[0], "content")
        case n:
            assert found == Ambiguous(n)
