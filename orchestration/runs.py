"""Runs jobs from the command line: each as a recorded Dagster run, in a process of its own.

Belongs here: processes, what they say, ending them. Does not belong here: which jobs, and drawing progress.

A process per job, because neither DuckDB's nor dlt's state is meant for two runs in one process. They are
forked from
a server that has loaded the libraries once: loading them costs more than most runs do.
"""

from __future__ import annotations

import fcntl
import logging
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from orchestration.home import LOCATION
from orchestration.progress import Progress

PROCESS_TAG = "norte/process"
REPORTS_PER_SECOND = 10
PATIENCE_SECONDS = 15.0
# With less than this nothing that we run comes to its end.
NO_SPACE_BYTES = 1 << 20
_PRELOADED = ["orchestration.definitions", "ingestion.pipeline"]


@dataclass(frozen=True)
class JobResult:
    """How a job's run ended.

    Arguments:
        error: why it failed, for a person; empty when it did not.
        facts: what the steps reported at their end, by stage and subject.
        log: the file with everything the run said.
    """

    job: str
    run_id: str
    success: bool
    error: str
    seconds: float
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: Path | None = None


class Runner:
    """Starts jobs and follows them.

    Arguments:
        logs_dir: a log file per job.
    """

    def __init__(self, logs_dir: Path) -> None:
        self._logs_dir = logs_dir
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(_PRELOADED)
        self._processes: list[tuple[Any, Connection]] = []

    def warm_up(self) -> None:
        """Starts loading the libraries, while something else is being done."""
        from multiprocessing.forkserver import ensure_running

        ensure_running()

    def run(
        self,
        jobs: Sequence[str],
        environment: Mapping[str, str],
        on_progress: Callable[[str, Progress], None],
    ) -> list[JobResult]:
        """Runs jobs side by side and waits for all; results in the order of `jobs`.

        Arguments:
            environment: of the processes.
            on_progress: called with the job and what it reports.

        Ctrl-C ends every process that was started, and theirs, and is raised again.
        """
        started: dict[Connection, tuple[str, Any]] = {}
        results: dict[str, JobResult] = {}
        facts: dict[str, dict[str, dict[str, Any]]] = {job: {} for job in jobs}
        try:
            for job in jobs:
                receiver, sender = self._context.Pipe(duplex=False)
                asked, ask = self._context.Pipe(duplex=False)
                log = self._logs_dir / f"{job}.log"
                process = self._context.Process(
                    target=_run_in_this_process,
                    args=(job, dict(environment), str(log), sender, asked),
                    name=job,
                )
                process.start()
                sender.close()
                asked.close()
                self._processes.append((process, ask))
                started[receiver] = (job, process)
            while started:
                for ready in wait(list(started), timeout=1.0):
                    receiver = ready  # type: ignore[assignment]
                    job, process = started[receiver]
                    try:
                        message = receiver.recv()
                    except EOFError:
                        process.join()
                        del started[receiver]
                        results.setdefault(job, self._died(job, process.exitcode))
                        continue
                    if isinstance(message, JobResult):
                        results[job] = message
                    else:
                        if message.result is not None:
                            facts[job].setdefault(message.stage, {})[message.subject] = message.result
                        on_progress(job, message)
        except BaseException:
            self.end()
            raise
        for job, result in results.items():
            results[job] = replace(
                result,
                error=in_words(result.error, self._logs_dir),
                facts=facts[job],
                log=self._logs_dir / f"{job}.log",
            )
        return [results[job] for job in jobs]

    def end(self) -> None:
        """Ends what is still running: asks first, then kills, each with all the processes it started."""
        alive = []
        for process, ask in self._processes:
            if process.is_alive():
                alive.append(process)
                with suppress(OSError):
                    ask.send("stop")
        until = time.monotonic() + PATIENCE_SECONDS
        for process in alive:
            process.join(max(0.0, until - time.monotonic()))
        for process in alive:
            _signal_group(process.pid, signal.SIGKILL)
            process.join(1.0)

    def _died(self, job: str, exit_code: int | None) -> JobResult:
        log = self._logs_dir / f"{job}.log"
        return JobResult(
            job=job,
            run_id="",
            success=False,
            error=f"the process ended before its run did (exit code {exit_code}); its last words: {log}",
            seconds=0.0,
        )


def in_words(error: str, folder: Path) -> str:
    """Why a run failed; a full disk breaks each library in its own way, and its remedy is one.

    Arguments:
        folder: on the disk that the run writes to.
    """
    from ingestion.warehouse import disk_full, says_disk_full

    if error and (says_disk_full(error) or shutil.disk_usage(folder).free < NO_SPACE_BYTES):
        return str(disk_full(folder))
    return error


def _signal_group(pid: int | None, number: int) -> None:
    """To the process and all it started: each leads a group of its own."""
    if pid is None:
        return
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _run_in_this_process(
    job: str, environment: Mapping[str, str], log: str, sender: Connection, asked: Connection
) -> None:
    os.setsid()
    stop = _Stop(asked)
    os.environ.clear()
    os.environ.update(environment)
    _write_to(log)
    started = time.monotonic()
    try:
        result = execute(job, _limited(sender), stop.run_begins)
    except Exception as error:
        logging.exception("%s could not be run", job)
        result = JobResult(job, "", False, str(error), time.monotonic() - started)
    sender.send(result)
    sender.close()


class _Stop:
    """Waits in a thread of its own to be asked to stop: the main one may be deep in a library.

    Dagster calls an interrupted run stopped rather than failed if its record says beforehand that it is being
    stopped; a signal alone would make it a failure.
    """

    def __init__(self, asked: Connection) -> None:
        self._asked = asked
        self._record: Callable[[], None] = lambda: None
        threading.Thread(target=self._wait, name="stop", daemon=True).start()

    def run_begins(self, record: Callable[[], None]) -> None:
        """From now on `record` is called before the run is interrupted."""
        self._record = record

    def _wait(self) -> None:
        try:
            self._asked.recv()
        except EOFError:
            # Whoever started us has ended or is gone; the run is recorded, so it goes on to its end.
            return
        try:
            self._record()
        except Exception:
            logging.exception("that the run is stopped could not be recorded")
        _signal_group(os.getpid(), signal.SIGINT)


def execute(
    job: str,
    report: Callable[[Progress], None],
    on_begin: Callable[[Callable[[], None]], None] = lambda record: None,
) -> JobResult:
    """Runs a job in this process, recorded in the instance of this home, and alerts if it fails.

    Arguments:
        job: `ingest_<source>` or `build_marts`.
        report: told where the run is.
        on_begin: given what records that the run is being stopped.
    """
    from dagster._core.utils import make_new_run_id

    from orchestration.alerts.of_home import alerter
    from orchestration.assets.ingestion import incremental_tags
    from orchestration.definitions import build_definitions, ingestion_definitions
    from orchestration.job_names import BUILD_JOB
    from orchestration.jobs import partitioned_key
    from orchestration.settings import Settings
    from orchestration.watch import alert, failure_reason

    started = time.monotonic()
    settings = Settings.load()
    with _instance(settings.dagster_home) as instance:
        make = build_definitions if job == BUILD_JOB else ingestion_definitions
        resolved = make(settings, report).resolve_job_def(job)
        origin = _of_the_location(job)
        tags = {".dagster/repository": origin.repository_origin.get_label(), PROCESS_TAG: _this_process()}
        if job != BUILD_JOB:
            tags |= incremental_tags(instance, partitioned_key(resolved), settings)
        close_abandoned(instance)
        run_id = make_new_run_id()

        def record_stop() -> None:
            if (begun := instance.get_run_by_id(run_id)) is not None and not begun.is_finished:
                instance.report_run_canceling(begun)

        on_begin(record_stop)
        # So that the UI, which knows the job from its code location, shows the run under it.
        instance.create_run_for_job = partial(instance.create_run_for_job, remote_job_origin=origin)
        result = resolved.execute_in_process(
            instance=instance, tags=tags, raise_on_error=False, run_id=run_id
        )
        run = result.dagster_run
        alert(alerter(settings), instance, run, settings)
        error = "" if result.success else failure_reason(instance, run.run_id) or "see the log"
    return JobResult(job, run.run_id, result.success, error, time.monotonic() - started)


def _of_the_location(job: str) -> Any:
    """Where the UI's code location has a job."""
    from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin

    location = RegisteredCodeLocationOrigin(LOCATION)
    return RemoteRepositoryOrigin(location, "__repository__").get_job_origin(job)


@contextmanager
def _instance(dagster_home: Path) -> Iterator[Any]:
    """The instance; its databases are made by one process, however many start at once."""
    import dagster as dg

    with (dagster_home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        instance = dg.DagsterInstance.get()
    with instance:
        yield instance


def close_abandoned(instance: Any) -> list[str]:
    """Marks runs as failed or stopped whose process is gone, frees what they held; returns their ids."""
    import dagster as dg

    closed = []
    for run in abandoned(instance):
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, "The process of this run was stopped.")
        else:
            instance.report_run_failed(run, "The process of this run was killed.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        closed.append(run.run_id)
    return closed


def abandoned(instance: Any) -> list[Any]:
    """Runs that are recorded as under way and whose process is gone."""
    import dagster as dg

    running = dg.RunsFilter(
        statuses=[
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
            dg.DagsterRunStatus.CANCELING,
            dg.DagsterRunStatus.NOT_STARTED,
        ]
    )
    return [
        run
        for run in instance.get_runs(filters=running)
        if (process := run.tags.get(PROCESS_TAG)) is not None and not _is_alive(process)
    ]


def _this_process() -> str:
    return f"{os.getpid()}@{_started_at(os.getpid())}"


def _is_alive(process: str) -> bool:
    pid, _, started_at = process.partition("@")
    return _started_at(int(pid)) == started_at


def _started_at(pid: int) -> str:
    """When a process started, which tells it from a later one with the same number; empty when it is gone."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if Path("/proc").exists():
            return ""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return ""
        return "unknown"
    return status.rsplit(")", 1)[1].split()[19]


def _limited(sender: Connection) -> Callable[[Progress], None]:
    """Sends at most some reports per second of each subject; results and last steps always."""
    last: dict[tuple[str, str], float] = {}

    def report(progress: Progress) -> None:
        key = (progress.stage, progress.subject if progress.stage == "ingest" else "")
        now = time.monotonic()
        is_last = progress.total is not None and progress.done >= progress.total
        if progress.result is None and not is_last and now - last.get(key, 0.0) < 1 / REPORTS_PER_SECOND:
            return
        last[key] = now
        try:
            sender.send(progress)
        except BrokenPipeError:
            # Whoever started us is gone; the run itself is recorded, so it goes on to its end.
            return

    return report


def _write_to(path: str) -> None:
    """All output of this process and of those it starts goes to the file."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for stream in (1, 2):
        os.dup2(handle, stream)
    os.close(handle)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, force=True)
