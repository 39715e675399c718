"""When the shared windows count as away, and when as back."""

from penstock.limits.presence import AWAY_AFTER_S, Presence


def test_one_failure_changes_nothing() -> None:
    """Nor do several within a quarter of a second."""
    presence = Presence()
    assert not any(presence.note_failure(1.0 + n * AWAY_AFTER_S / 10) for n in range(10))
    assert not presence.is_away


def test_failures_for_long_enough_are_an_absence() -> None:
    """It is told once, and later failures are no news."""
    presence = Presence()
    assert [presence.note_failure(now) for now in (1.0, 1.0 + AWAY_AFTER_S, 2.0)] == [False, True, False]
    assert presence.is_away


def test_an_answer_in_between_begins_anew() -> None:
    """Every second call lost is not away."""
    presence = Presence()
    for n in range(20):
        assert not presence.note_failure(n * AWAY_AFTER_S)
        presence.note_answer()


def test_a_late_answer_does_not_bring_back_what_is_away() -> None:
    """Only the probe does; then failures count from their first again."""
    presence = Presence()
    presence.note_failure(0.0)
    presence.note_failure(1.0)
    presence.note_answer()
    assert presence.is_away
    presence.note_return()
    assert not presence.is_away
    assert not presence.note_failure(2.0)
