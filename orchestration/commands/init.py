"""`norte init`: from the sandbox company to one's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from orchestration.commands.ending import ending_clearly
from orchestration.company import COMPANY_VARIABLE, CompanyError, CompanyFolder
from orchestration.settings import WAREHOUSES


def init(
    directory: Annotated[Path | None, typer.Option(help="The company's new folder.")] = None,
    sources: Annotated[
        str | None, typer.Option(help="Connections, with commas: hubspot,jira; another one: jira_emea=jira.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="Where reporting days are cut, as America/Sao_Paulo.")
    ] = None,
    email_domains: Annotated[
        str | None, typer.Option(help="The company's own e-mail domains, with commas.")
    ] = None,
    warehouse: Annotated[
        str, typer.Option(help="Where the data will live: duckdb (a file) or postgres (a server).")
    ] = "duckdb",
) -> None:
    """Sets up a folder for your own company: connections, secrets, governance files, settings, service."""
    with ending_clearly() as console:
        # Loads every connector, which no other command waits for.
        from ingestion.registry import available
        from orchestration.setup import GOVERNANCE, Plan, make_company, parse_connections

        known = ",".join(name for name in available() if name != GOVERNANCE)
        folder = directory or Path(_asked("--directory", "Folder of the company", "../company"))
        connections = parse_connections(sources or _asked("--sources", "Connections", known))
        zone = _zone(time_zone or _asked("--time-zone", "Time zone of the company", "UTC"))
        domains = email_domains if email_domains is not None else _optional("Own e-mail domains")
        plan = Plan(
            CompanyFolder(Path(os.path.normpath(folder.expanduser().absolute()))),
            connections,
            zone,
            tuple(part.strip().lower() for part in domains.split(",") if part.strip()),
            _warehouse(warehouse),
        )
        if other := os.environ.get(COMPANY_VARIABLE):
            raise CompanyError(
                f"expected no company's folder around a new one; {other} is one. "
                f"What to do: call `norte init` from another folder, without --company or {COMPANY_VARIABLE}"
            )
        if home := os.environ.get("NORTE_HOME"):
            raise CompanyError(
                f"expected no NORTE_HOME in the environment; it is {home}, and would win over the new "
                "folder's. What to do: `unset NORTE_HOME`, then again"
            )
        make_company(plan)
        path = plan.folder.path
        console.print(f"[green]✓[/] Made {path}, for {', '.join(connections)}.", highlight=False)
        console.print("What is left to do:", highlight=False)
        for number, step in enumerate(
            (
                f"fill in {plan.folder.secrets_file} and what {plan.folder.config_file} marks 'to fill in'",
                f"go through {plan.folder.governance / 'calendars.yml'} and mappings.yml",
                *(
                    [f"fill in NORTE_POSTGRES_URL and NORTE_POSTGRES_PASSWORD in {plan.folder.env_file}"]
                    if plan.warehouse == "postgres"
                    else []
                ),
                f"cd {path} && {os.path.normpath(Path(sys.argv[0]).absolute())} doctor",
            ),
            start=1,
        ):
            console.print(f"  {number}. {step}", highlight=False, soft_wrap=True)


def _asked(option: str, question: str, default: str) -> str:
    if not sys.stdin.isatty():
        raise CompanyError(
            f"expected {option}; came none, and nobody to ask. What to do: say it, as {option} {default}"
        )
    answer: str = typer.prompt(question, default=default)
    return answer


def _optional(question: str) -> str:
    if not sys.stdin.isatty():
        return ""
    answer: str = typer.prompt(f"{question} (with commas, may be empty)", default="", show_default=False)
    return answer


def _warehouse(name: str) -> str:
    if name not in WAREHOUSES:
        raise CompanyError(
            f"expected a warehouse out of {', '.join(WAREHOUSES)}; came {name!r}. What to do: name one"
        )
    return name


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError) as error:
        raise CompanyError(
            f"expected an IANA time zone; came {name!r}. What to do: name one like America/Sao_Paulo"
        ) from error
    return name
