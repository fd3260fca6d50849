"""A vendor's own limit replaces the documented one."""

from __future__ import annotations

from ingestion.http.announced import AnnouncedPacer


def sent_at_once(pacer: AnnouncedPacer, tries: int = 50) -> int:
    return sum(pacer.reserve() <= 0 for _ in range(tries))


def test_the_documented_limit_holds_until_the_vendor_announces_another() -> None:
    assert sent_at_once(AnnouncedPacer(10, 60)) == 10


def test_what_was_used_of_a_higher_limit_counts() -> None:
    pacer = AnnouncedPacer(10, 60)
    pacer.reserve()
    pacer.announce(30, 27)
    assert pacer.requests == 30
    assert sent_at_once(pacer) == 27


def test_a_lower_limit_is_taken_over() -> None:
    pacer = AnnouncedPacer(190, 10)
    pacer.announce(100, 99)
    assert sent_at_once(pacer, 150) == 99


def test_the_same_limit_again_changes_nothing() -> None:
    pacer = AnnouncedPacer(10, 60)
    pacer.reserve()
    pacer.announce(10, 0)
    assert sent_at_once(pacer) == 9


def test_requests_count_towards_the_wider_limit_and_a_pause_does_not() -> None:
    account = AnnouncedPacer(3, 60)
    exports = AnnouncedPacer(10, 60, within=account)
    assert sent_at_once(exports) == 3
    exports.pause(30)
    assert account.paused_for() == 0
    assert exports.paused_for() > 29
