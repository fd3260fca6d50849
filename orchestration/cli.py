"""The `norte` command.

Belongs here: commands, their options, what they print and how they end. Does not belong here: the work
itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ingestion.enrichment.impact.cli import impact
from ingestion.enrichment.insight.cli import themes
from ingestion.sandbox.cli import sandbox
from orchestration.commands.backup import backup, restore
from orchestration.commands.doctor import doctor
from orchestration.commands.ending import FAILED, HELD_BACK, CommandError, ending_clearly
from orchestration.commands.erase import erase
from orchestration.commands.init import init
from orchestration.company import COMPANY_VARIABLE, enter_company, find_company, refuse_mixture
from orchestration.demo import SOURCES, Demo, DemoError, served_company
from orchestration.display import Display
from orchestration.home import environment, prepare, workspace_file
from orchestration.job_names import BUILD_JOB, ingest_job_name
from orchestration.runs import Runner
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.summary import held_back_in, print_summary, published_before

if TYPE_CHECKING:
    from ingestion.warehouse import Warehouse

app = typer.Typer(
    help="Norte: what we decided, what it did, what customers say.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(sandbox, name="sandbox")
app.add_typer(impact, name="impact")
app.add_typer(themes, name="themes")
app.command()(init)
app.command()(doctor)
app.command()(backup)
app.command()(restore)
app.command()(erase)


@app.callback()
def _start(
    context: typer.Context,
    company: Annotated[
        Path | None,
        typer.Option(
            envvar=COMPANY_VARIABLE, help="The company's folder, from `norte init`; default: this one."
        ),
    ] = None,
) -> None:
    with ending_clearly():
        folder = find_company(company, Path.cwd())
        if folder is not None:
            enter_company(folder, os.environ)
    # dlt looks for its configuration in the working directory, people call `norte` from anywhere.
    os.environ.setdefault("DLT_PROJECT_DIR", str(PROJECT_ROOT))
    # Commands that know nothing of the settings ask for the warehouse when they need it.
    context.obj = _own_warehouse


def _own_warehouse() -> Warehouse:
    from orchestration.resources.warehouse import warehouse_of

    with ending_clearly():
        return warehouse_of(Settings.load())


@app.command()
def run(
    source: Annotated[list[str] | None, typer.Option(help="Only load this source; may be repeated.")] = None,
    build: Annotated[bool, typer.Option("--build", help="Only build, check and publish.")] = False,
    job: Annotated[list[str] | None, typer.Option(help="Only this job; may be repeated.")] = None,
) -> None:
    """Runs the main job: loads all sources side by side, builds, checks, publishes.

    Exit codes: 0 all is published; 1 something failed; 3 published, with tables held back; 130 stopped.
    """
    with ending_clearly() as console:
        settings = Settings.load()
        runner = Runner(settings.logs_dir)
        runner.warm_up()
        jobs = [
            *(job or []),
            *(ingest_job_name(name) for name in source or []),
            *([BUILD_JOB] if build else []),
        ]
        with _company(settings) as extra:
            known = [*_all_ingestion(extra), BUILD_JOB]
            _refuse_unknown(jobs, known)
            ended = _run_jobs(console, runner, settings, extra, jobs or known)
        _end(ended)


@app.command()
def demo(
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove the demo's data and start over.")] = False,
    accounts: Annotated[int | None, typer.Option(help="Size of the company, on the first run.")] = None,
    months: Annotated[int | None, typer.Option(help="Length of its history, on the first run.")] = None,
) -> None:
    """From nothing to a built, checked, published sandbox company; a day further on each run."""
    with ending_clearly() as console:
        started = time.monotonic()
        settings = Settings.load()
        company = Demo(settings.home)
        _refuse_foreign_home(company, settings)
        if fresh and company.exists:
            company.remove(settings)
        state = company.state()
        if company.exists and (accounts or months):
            raise DemoError(
                "expected the company as it was made; came another size. "
                "What to do: `norte demo --fresh` with that size"
            )
        state = replace(state, accounts=accounts or state.accounts, months=months or state.months)
        company.remember(state)
        prepare(settings)
        runner = Runner(settings.logs_dir)
        with Display(console) as display:
            if company.generate(state, lambda what, done, of: display.step("company", done, of, what)):
                display.done("company", f"Made a company: {state.accounts} accounts, {state.months} months.")
        runner.warm_up()
        _, as_of, ends_at = company.span()
        now = state.next_now(as_of, ends_at)
        console.print(
            f"Day {state.completed_runs + 1}: it is {now:%A %Y-%m-%d %H:%M} UTC there.", highlight=False
        )
        company.write_company(now)
        with company.serve(now) as extra:
            jobs = [*(ingest_job_name(name) for name in SOURCES), BUILD_JOB]
            ended = _run_jobs(console, runner, settings, extra, jobs)
        if ended == FAILED:
            raise typer.Exit(FAILED)
        company.remember(state.completed(now))
        seconds = time.monotonic() - started
        console.print(f"\nDone in {seconds:.0f} s. `make demo` again lives one more day.", highlight=False)
        console.print("Look inside:    make ui", highlight=False)
        _end(ended)


@app.command()
def publish() -> None:
    """Publishes the marts once more, as the last build left and judged them.

    Exit code 3 if tables are held back.
    """
    with ending_clearly() as console:
        settings = Settings.load()
        from orchestration.outcomes import publication_rows, record_publication
        from orchestration.publishing.export import publish as publish_now
        from orchestration.resources.warehouse import warehouse_of
        from orchestration.verdict import read_verdict

        warehouse = warehouse_of(settings)
        # A sandbox company lives on its own day.
        now = settings.now or Demo(settings.home).state().now or settings.now_utc()
        with warehouse.lock(who="norte publish"):
            # Under the lock: a build that has begun has taken the verdict away.
            held_back = read_verdict(settings.verdict_file)
            publication = publish_now(
                warehouse,
                settings.published_dir,
                now=now,
                held_back=held_back,
                manifest=settings.dbt_dir / "manifest.json",
            )
            record_publication(
                publication_rows(publication, now), warehouse=warehouse, pipelines_dir=settings.pipelines_dir
            )
        console.print(f"Published {len(publication.tables)} tables: {publication.database}", highlight=False)
        for table, reason in held_back.items():
            console.print(f"  held back: {table}: {reason}", highlight=False, markup=False)
        if publication.held_back() or publication.left_out:
            raise typer.Exit(HELD_BACK)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port of the web server, on this machine only.")] = 3000,
) -> None:
    """Opens the Dagster UI of this home; Ctrl-C ends it."""
    with ending_clearly() as console:
        from orchestration.ui import serve_ui

        settings = Settings.load()
        prepare(settings)
        with _company(settings) as extra:
            console.print(f"The UI opens at http://127.0.0.1:{port} (Ctrl-C ends it).", highlight=False)
            variables = environment(settings, {**extra, "NORTE_UI_URL": f"http://127.0.0.1:{port}"})
            with suppress(KeyboardInterrupt):
                serve_ui(variables, workspace_file(settings), port)
        console.print("The UI has ended.")


@app.command()
def compact() -> None:
    """Removes what stopped loads left behind, and gives the space back."""
    with ending_clearly() as console:
        from ingestion.maintenance import compact_warehouse
        from orchestration.resources.warehouse import warehouse_of

        warehouse = warehouse_of(Settings.load())
        before, after = compact_warehouse(warehouse)
        console.print(f"{warehouse.place}: {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after")


def _run_jobs(
    console: Console, runner: Runner, settings: Settings, extra: Mapping[str, str], jobs: list[str]
) -> int:
    """Loads side by side, then builds; prints what is new. Returns the command's exit code."""
    prepare(settings)
    before = published_before(settings)
    ingestion = [job for job in jobs if job != BUILD_JOB]
    variables = environment(settings, extra)
    results = []
    with Display(console) as display:
        if ingestion:
            display.say("Loading, all sources side by side:")
            results += runner.run(ingestion, variables, display.follow)
        if BUILD_JOB in jobs:
            # The summary says it again, after the build; without one it comes at once.
            for failed in (result for result in results if not result.success):
                display.say(f"  [red]✗[/] {failed.job}: {escape(failed.error)}")
            display.say("Building, checking, publishing:")
            results += runner.run([BUILD_JOB], variables, display.follow)
    print_summary(console, results, before, settings)
    if not all(result.success for result in results):
        return FAILED
    return HELD_BACK if any(held_back_in(result) for result in results) else 0


def _end(code: int) -> None:
    if code:
        raise typer.Exit(code)


def _refuse_unknown(jobs: list[str], known: list[str]) -> None:
    unknown = [job for job in jobs if job not in known]
    if unknown:
        raise CommandError(
            f"expected jobs out of {', '.join(known)}; came {', '.join(unknown)}. "
            "What to do: correct the name, or switch the source on (sources.enabled)"
        )


@contextmanager
def _company(settings: Settings) -> Iterator[Mapping[str, str]]:
    """The settings of the sandbox company, served as of its last day, where this home is one's."""
    refuse_mixture(settings)
    with served_company(settings) as extra:
        yield extra


def _all_ingestion(extra: Mapping[str, str]) -> list[str]:
    """One job per source that is on."""
    if extra:
        return [ingest_job_name(name) for name in SOURCES]
    from ingestion.registry import enabled

    return [ingest_job_name(name) for name in sorted({each.source.name for each in enabled()})]


def _refuse_foreign_home(company: Demo, settings: Settings) -> None:
    """A warehouse never mixes sandbox and real data."""
    if settings.company is not None:
        raise DemoError(
            f"expected no company's folder; {settings.company} is one. "
            "What to do: call `norte demo` from another folder, without --company"
        )
    if company.exists:
        return
    from orchestration.resources.warehouse import warehouse_of

    warehouse = warehouse_of(settings)
    if warehouse.exists():
        raise DemoError(
            f"expected an empty home or a sandbox company's; {warehouse.place} holds other data. "
            "What to do: choose another folder, NORTE_HOME=.norte-demo make demo"
        )
