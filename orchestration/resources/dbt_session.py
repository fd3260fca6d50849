"""dbt in a process of its own, which reads the project once and is asked several times.

`python -m orchestration.resources.dbt_session [arguments of dbt parse]`

Belongs here: what runs inside that process. Does not belong here: who starts it and what it is asked
(`dbt.py`).

A build starts dbt once for each of its phases, and most of what a start costs is importing dbt and reading
the project. This process does both once, then makes a copy of itself (fork) for each invocation. The copy
opens the warehouse and ends, and with it dbt's hold on the file: `dbtRunner` keeps the file locked until its
process ends. Nothing may be imported here that starts threads: a fork copies only the thread that calls it.

In: arguments of `dbt parse` on the command line, then one line of JSON per invocation, a list of dbt's
arguments. Out: dbt's events as lines of JSON, and between them lines with one key of ours: `{"ready": true}`
once the project is read, `{"results": [...]}` with what became of each node, `{"problem": ...}` with dbt's
exception, `{"ended": <exit code>}`. An interrupt is passed on to the invocation; when the input ends, the
invocation is killed.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.contracts.graph.manifest import Manifest

_RESULT_FIELDS = ("status", "message", "failures", "execution_time")


def main() -> int:
    """Reads the project, then answers until its input ends; returns 1 if the project cannot be read."""
    # What is read here stays until the end, and the collector would go through it again and again.
    gc.disable()
    from dbt.cli.main import dbtRunner

    parsed = dbtRunner().invoke(["--quiet", "parse", *sys.argv[1:]])
    if not parsed.success:
        if parsed.exception is not None:
            _tell({"problem": str(parsed.exception)})
        return 1
    manifest = cast("Manifest", parsed.result)
    gc.collect()
    gc.freeze()
    gc.enable()
    _tell({"ready": True})
    for line in iter(sys.stdin.readline, ""):
        _tell({"ended": _invoke_in_a_copy(json.loads(line), manifest)})
    return 0


def _invoke_in_a_copy(arguments: list[str], manifest: Manifest) -> int:
    """The exit code; whoever asked and is gone leaves nobody building in the warehouse."""
    is_running, until_it_ends = os.pipe()
    child = os.fork()
    if not child:
        # Never back into the loop, whatever happens, and none of the parent's clearing up.
        code = 2
        try:
            os.close(is_running)
            code = _invoke(arguments, manifest)
        finally:
            sys.stdout.flush()
            os._exit(code)
    os.close(until_it_ends)
    while True:
        try:
            # Nothing is asked before this is answered: an input that can be read has come to its end.
            ready, _, _ = select.select([is_running, sys.stdin], [], [])
            if is_running not in ready:
                os.kill(child, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            os.close(is_running)
            return code
        except KeyboardInterrupt:
            os.kill(child, signal.SIGINT)


def _invoke(arguments: list[str], manifest: Manifest) -> int:
    from dbt.cli.main import dbtRunner

    ended = dbtRunner(manifest=manifest).invoke(arguments)
    if ended.exception is not None:
        _tell({"problem": str(ended.exception)})
    if ended.result is not None:
        results = cast("RunExecutionResult", ended.result).results
        _tell({"results": [_told(result) for result in results]})
    return 0 if ended.success else 1


def _told(result: Any) -> dict[str, Any]:
    return {"unique_id": result.node.unique_id, **{name: getattr(result, name) for name in _RESULT_FIELDS}}


def _tell(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # The interpreter's own clearing up of DuckDB's module writes a page of warnings and does nothing for us.
    os._exit(status)
