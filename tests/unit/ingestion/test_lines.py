"""What is told of a file of lines without reading all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion.lines import about_lines, last_line


@pytest.mark.parametrize(("content", "count"), [(b"", 0), (b"a\nb\n", 2), (b"a\nb", 1), (b"alone", 1)])
def test_small_files_are_counted(tmp_path: Path, content: bytes, count: int) -> None:
    file = tmp_path / "lines"
    file.write_bytes(content)
    assert about_lines(file) == count


def test_of_a_large_file_the_density_of_its_beginning_tells(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"x" * 99 + b"\n" + (b"x" * 499 + b"\n") * 10_000)
    assert about_lines(file) == pytest.approx(10_001, rel=0.01)


@pytest.mark.parametrize("before", [0, 10, 70_000])
@pytest.mark.parametrize("length", [1, 70_000, 300_000])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n\n"])
def test_the_last_line_is_whole_however_long_it_is(
    tmp_path: Path, before: int, length: int, end: bytes
) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"b" * before + b"\n" + b"a" * length + end)
    assert last_line(file, longest=1 << 20) == b"a" * length


def test_no_more_is_read_than_a_line_may_be_long(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"a" * 200_000)
    assert len(last_line(file, longest=100_000)) == 100_000
