"""A pacer never lets more through than the vendor accepts, in any window."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from ingestion.http import Pacer, Pacers


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def send_all(pacer: Pacer | Pacers, clock: Clock, count: int) -> list[float]:
    sent = []
    for _ in range(count):
        clock.now += pacer.reserve()
        sent.append(clock.now)
    return sent


@given(limit=st.integers(1, 10), seconds=st.floats(0.5, 60), count=st.integers(1, 60))
def test_no_window_holds_more_than_the_limit(limit: int, seconds: float, count: int) -> None:
    clock = Clock()
    sent = send_all(Pacer(limit, seconds, clock=clock), clock, count)
    for index in range(limit, count):
        assert sent[index] - sent[index - limit] >= seconds


def test_pacing_costs_at_most_five_percent_of_the_ideal() -> None:
    clock = Clock()
    sent = send_all(Pacer(20, 1.0, clock=clock), clock, 200)
    assert sent[-1] <= 9.0 * 1.05


def test_limits_hold_together() -> None:
    clock = Clock()
    sent = send_all(Pacers(Pacer(3, 1.0, clock=clock), Pacer(5, 100.0, clock=clock)), clock, 7)
    assert sent[3] >= 1.0
    assert sent[5] >= 100.0


def test_a_pause_holds_everything_back() -> None:
    clock = Clock()
    pacer = Pacer(10, 1.0, clock=clock)
    pacer.pause(7.0)
    assert pacer.reserve() == 7.0
    assert pacer.paused_for() == 7.0


def test_threads_share_one_limit() -> None:
    clock = Clock()
    pacer = Pacer(5, 1.0, margin=0.0, clock=clock)
    waits: list[float] = []
    threads = [threading.Thread(target=lambda: waits.append(pacer.reserve())) for _ in range(15)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == [0.0] * 5 + [1.0] * 5 + [2.0] * 5
