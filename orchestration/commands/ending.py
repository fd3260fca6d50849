"""How every command ends.

Belongs here: which errors people can mend, and exit codes. Does not belong here: any command.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from pydantic import ValidationError
from rich.console import Console

from ingestion.errors import IngestionError
from ingestion.sandbox.server import SandboxServerError
from orchestration.company import CompanyError
from orchestration.demo import DemoError

FAILED = 1
INTERRUPTED = 130


@contextmanager
def ending_clearly() -> Iterator[Console]:
    """One message and a non-zero exit for what people can mend; Ctrl-C ends without a stack trace."""
    console = Console()
    try:
        yield console
    except KeyboardInterrupt:
        console.print("\nStopped. What was loaded stays; the next run goes on from there.")
        raise typer.Exit(INTERRUPTED) from None
    except (IngestionError, DemoError, CompanyError, SandboxServerError, ValidationError) as error:
        Console(stderr=True).print(f"[red]✗[/] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(FAILED) from None
