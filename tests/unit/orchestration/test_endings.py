"""Commands end with one message that says what to do, whatever broke."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import typer

from orchestration.commands.ending import FAILED, ending_clearly
from orchestration.demo import DemoError
from orchestration.publishing.publication import PublicationError
from orchestration.runs import in_words
from orchestration.verdict import forget_verdict, read_verdict, write_verdict


@pytest.mark.parametrize(
    "error",
    [
        DemoError("expected 'a[/b]'; came [red]. What to do: [sources] enabled"),
        PublicationError("expected 'a[/b]'; came [red]. What to do: [sources] enabled"),
    ],
)
def test_a_message_is_shown_as_it_is_and_ends_with_a_code(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended, ending_clearly():
        raise error
    assert ended.value.exit_code == FAILED
    assert "expected 'a[/b]'; came [red]. What to do: [sources] enabled" in capsys.readouterr().err


def test_a_full_disk_is_told_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), ending_clearly():
        raise OSError(errno.ENOSPC, "No space left on device", "demo.json")
    assert "free some space" in capsys.readouterr().err
    with pytest.raises(PermissionError), ending_clearly():
        raise PermissionError(errno.EACCES, "Permission denied", "demo.json")


@pytest.mark.parametrize(
    "error",
    [
        '(sqlite3.OperationalError) database or disk is full\n[SQL: PRAGMA main.table_xinfo("runs")]',
        "expected a dbt project that parses; came:\nOSError: [Errno 28] No space left on device",
    ],
)
def test_a_run_on_a_full_disk_says_so_whatever_library_broke(error: str, tmp_path: Path) -> None:
    assert "free some space" in in_words(error, tmp_path)
    assert "SQL" not in in_words(error, tmp_path)


def test_another_reason_stays_as_it_is(tmp_path: Path) -> None:
    assert in_words("jira: expected 200; came 401", tmp_path) == "jira: expected 200; came 401"
    assert in_words("", tmp_path) == ""


def test_marts_without_a_verdict_are_not_published(tmp_path: Path) -> None:
    file = tmp_path / "verdict.json"
    with pytest.raises(PublicationError, match="norte run --build"):
        read_verdict(file)
    write_verdict(file, {"metric.fct_deals": "sums differ"})
    assert read_verdict(file) == {"metric.fct_deals": "sums differ"}
    forget_verdict(file)
    forget_verdict(file)
    with pytest.raises(PublicationError):
        read_verdict(file)
