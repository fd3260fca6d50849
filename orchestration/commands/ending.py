"""How every command ends.

Belongs here: which errors people can mend, and exit codes. Does not belong here: any command.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from ingestion.errors import IngestionError
from ingestion.sandbox.server import SandboxServerError
from orchestration.company import CompanyError
from orchestration.demo import DemoError
from orchestration.publishing.publication import PublicationError
from orchestration.settings import Settings

FAILED = 1
# 2 is a wrong option.
HELD_BACK = 3
INTERRUPTED = 130


class CommandError(RuntimeError):
    """A command was asked for something that there is not."""


@contextmanager
def ending_clearly() -> Iterator[Console]:
    """One message and a non-zero exit for what people can mend; Ctrl-C ends without a stack trace."""
    console = Console()
    try:
        yield console
    except KeyboardInterrupt:
        console.print("\nStopped. What was loaded stays; the next run goes on from there.")
        raise typer.Exit(INTERRUPTED) from None
    except (
        IngestionError,
        DemoError,
        CompanyError,
        PublicationError,
        CommandError,
        SandboxServerError,
        ValidationError,
    ) as error:
        _say(str(error))
        raise typer.Exit(FAILED) from None
    except OSError as error:
        from ingestion.warehouse import disk_full, is_disk_full

        if not is_disk_full(error):
            raise
        _say(str(disk_full(Path(error.filename) if error.filename else Settings.load().home)))
        raise typer.Exit(FAILED) from None


def _say(text: str) -> None:
    Console(stderr=True).print(f"[red]✗[/] {escape(text)}", highlight=False, soft_wrap=True)
