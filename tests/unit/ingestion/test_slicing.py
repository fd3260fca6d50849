"""Streams become slices whose state never runs ahead of their rows."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from ingestion.slicing import Checkpoint, Stream, cut, interleave
from ingestion.source import Batch, Record


def batch(resource: str, *keys: int) -> Batch:
    return Batch(resource, [Record(values={"id": str(key)}) for key in keys])


def test_a_slice_ends_at_the_first_checkpoint_after_enough_rows() -> None:
    def stream() -> Stream:
        yield batch("a", 1, 2)
        yield Checkpoint("a", 2)
        yield batch("a", 3)
        yield batch("a", 4)
        yield Checkpoint("a", 4)
        yield batch("a", 5)
        yield Checkpoint("a", 5)

    slices = []
    for piece in cut(stream(), {"b": 1}, rows=3):
        rows = sum(len(one.records) for one in piece.batches)
        slices.append((rows, piece.state()))
    assert slices == [(4, {"a": 4, "b": 1}), (1, {"a": 5, "b": 1})]


def test_no_rows_make_one_slice_with_the_new_state() -> None:
    pieces = [(list(one.batches), one.state()) for one in cut(iter([Checkpoint("a", 2)]), {"a": 1}, rows=3)]
    assert pieces == [([], {"a": 2})]


def test_checkpoints_right_after_the_cut_belong_to_the_slice() -> None:
    items = [batch("a", 1, 2, 3), Checkpoint("a", 3), Checkpoint("done", True), Checkpoint("b", None)]
    pieces = [(list(one.batches), one.state()) for one in cut(iter(items), {"b": 1}, rows=3)]
    assert len(pieces) == 1
    assert pieces[0][1] == {"a": 3, "done": True}


def test_a_later_slice_does_not_change_the_state_of_an_earlier_one() -> None:
    items = [batch("a", 1), Checkpoint("a", {"x": 1}), batch("a", 2), Checkpoint("a", {"x": 2})]
    states = []
    for piece in cut(iter(items), {}, rows=1):
        list(piece.batches)
        states.append(piece.state())
    assert states == [{"a": {"x": 1}}, {"a": {"x": 2}}]


def test_asking_for_the_next_slice_too_early_is_refused() -> None:
    pieces = cut(iter([batch("a", 1), Checkpoint("a", 1)]), {}, rows=1)
    next(pieces)
    with pytest.raises(RuntimeError, match="Exhaust"):
        next(pieces)


def test_streams_are_taken_in_turn_whichever_is_faster() -> None:
    gate = threading.Event()

    def slow() -> Stream:
        gate.wait(5)
        yield Checkpoint("slow", 1)
        yield Checkpoint("slow", 2)

    def fast() -> Stream:
        for number in range(3):
            yield Checkpoint("fast", number)
        gate.set()

    found = [
        (one.part, one.state) for one in interleave([slow, fast], depth=4) if isinstance(one, Checkpoint)
    ]
    assert found == [("slow", 1), ("fast", 0), ("slow", 2), ("fast", 1), ("fast", 2)]


def test_more_streams_than_workers_are_all_read() -> None:
    def stream(number: int) -> Iterator[Checkpoint]:
        yield Checkpoint(str(number), number)

    items = interleave([lambda number=number: stream(number) for number in range(10)], workers=2)
    assert [one.part for one in items if isinstance(one, Checkpoint)] == [str(number) for number in range(10)]


def test_the_error_of_a_stream_reaches_the_reader() -> None:
    def broken() -> Stream:
        yield Checkpoint("a", 1)
        raise ValueError("page 2")

    def fine() -> Stream:
        yield Checkpoint("b", 1)

    with pytest.raises(ValueError, match="page 2"):
        list(interleave([broken, fine]))
