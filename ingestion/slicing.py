"""Cutting a connector's stream of batches into slices, and reading several streams at once.

Belongs here: what every connector that yields batches page by page needs in order to commit as it goes.
Does not belong here: anything of a vendor, HTTP or dlt.

A connector writes its work as streams: generators of batches with checkpoints in between. A checkpoint
replaces one part of the source's state and says: what this stream yielded before me need not be read
again. `interleave` runs streams side by side, `cut` makes slices of the result. A slice may hold batches
that a later checkpoint covers; after a kill these are read once more, and the pipeline drops what it
already has.
"""

from __future__ import annotations

import copy
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingestion.source import Batch, Slice

_QUEUE_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Checkpoint:
    """Replaces `part` of the source's state by `state`; None removes the part."""

    part: str
    state: Any


Stream = Iterator[Batch | Checkpoint]


def cut(
    stream: Iterable[Batch | Checkpoint],
    state: Mapping[str, Any],
    *,
    rows: int,
) -> Iterator[Slice]:
    """Slices that end at the first checkpoint after `rows` records, and at the end.

    Arguments:
        stream: read lazily, in the thread that consumes the slices.
        state: the source's state so far.
        rows: records per slice; a page is never split.

    Each slice's batches must be exhausted before the next slice is asked for.
    """
    return _Cutter(stream, state, rows).slices()


class _Cutter:
    def __init__(
        self,
        stream: Iterable[Batch | Checkpoint],
        state: Mapping[str, Any],
        rows: int,
    ) -> None:
        self._items = iter(stream)
        self._ahead: deque[Batch | Checkpoint] = deque()
        self._state = copy.deepcopy(dict(state))
        self._rows = rows
        self._is_over = False

    def slices(self) -> Iterator[Slice]:
        number = 0
        while not self._is_over:
            number += 1
            is_done = threading.Event()
            yield Slice(
                name=f"part {number}",
                batches=self._batches(is_done),
                state=lambda: copy.deepcopy(self._state),
            )
            if not is_done.is_set():
                raise RuntimeError(
                    f"expected slice {number} to be read to its end before the next; it was not. "
                    "Exhaust `batches` first"
                )

    def _batches(self, is_done: threading.Event) -> Iterator[Batch]:
        count = 0
        while (item := self._next()) is not None:
            if isinstance(item, Batch):
                count += len(item.records)
                yield item
            else:
                self._apply(item)
                if count >= self._rows:
                    break
        # Checkpoints that follow at once belong to this slice; a look ahead also tells whether there is
        # another.
        while (item := self._next()) is not None:
            if isinstance(item, Batch):
                self._ahead.append(item)
                break
            self._apply(item)
        self._is_over = item is None
        is_done.set()

    def _next(self) -> Batch | Checkpoint | None:
        return self._ahead.popleft() if self._ahead else next(self._items, None)

    def _apply(self, checkpoint: Checkpoint) -> None:
        if checkpoint.state is None:
            self._state.pop(checkpoint.part, None)
        else:
            self._state[checkpoint.part] = checkpoint.state


@dataclass(frozen=True)
class _End:
    error: BaseException | None


def interleave(
    streams: Sequence[Callable[[], Stream]], *, workers: int = 8, depth: int = 2
) -> Iterator[Batch | Checkpoint]:
    """Items of several streams, taken in turn, each read ahead in a thread of its own.

    Arguments:
        streams: functions that start a stream; called in its thread.
        workers: streams under way at once; the others wait for a free place, in order.
        depth: items that a stream may be ahead.

    The order of the items depends on the streams alone, not on which answers first. The first error ends it.
    """
    waiting = deque(streams)
    stop = threading.Event()
    active: deque[queue.Queue[Batch | Checkpoint | _End]] = deque()
    threads: list[threading.Thread] = []

    def start() -> None:
        out: queue.Queue[Batch | Checkpoint | _End] = queue.Queue(maxsize=depth)
        thread = threading.Thread(target=_pump, args=(waiting.popleft(), out, stop), daemon=True)
        threads.append(thread)
        active.append(out)
        thread.start()

    try:
        while waiting or active:
            while waiting and len(active) < workers:
                start()
            out = active.popleft()
            item = out.get()
            if not isinstance(item, _End):
                active.append(out)
                yield item
            elif item.error:
                raise item.error
    finally:
        stop.set()


def _pump(
    stream: Callable[[], Stream], out: queue.Queue[Batch | Checkpoint | _End], stop: threading.Event
) -> None:
    end = _End(None)
    try:
        for item in stream():
            if not _put(out, item, stop):
                return
    except BaseException as error:
        end = _End(error)
    _put(out, end, stop)


def _put(
    out: queue.Queue[Batch | Checkpoint | _End], item: Batch | Checkpoint | _End, stop: threading.Event
) -> bool:
    while not stop.is_set():
        try:
            out.put(item, timeout=_QUEUE_POLL_SECONDS)
        except queue.Full:
            continue
        return True
    return False
