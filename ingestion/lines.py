"""Files of lines, as exports of events bring them.

Belongs here: what is learned of a file without reading all of it. Does not belong here: what its lines say.
"""

from __future__ import annotations

from pathlib import Path

_SAMPLE = 1 << 20
_TAIL = 1 << 16


def about_lines(path: Path) -> int:
    """How many lines a file has: exactly up to 1 MiB, of a larger one as the density of its beginning says.

    For progress and for the size of the next request; at least 1 unless the file is empty.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    count = sample.count(b"\n")
    if size > len(sample):
        count = round(max(count, 1) * size / len(sample))
    return max(count, 1) if size else 0


def last_line(path: Path, longest: int) -> bytes:
    """The last line that says anything, without its end; at most `longest` bytes of the file are read."""
    size = path.stat().st_size
    length = min(_TAIL, longest)
    with path.open("rb") as file:
        while True:
            file.seek(max(0, size - length))
            tail = file.read().rstrip(b"\r\n")
            found = tail.rfind(b"\n")
            if found >= 0 or length >= min(size, longest):
                return tail[found + 1 :]
            length = min(4 * length, longest)
