"""Says where published tables and the truth part.

`python -m tests.truth <world> <published file> <company directory> <now> [table ...]`
"""

from __future__ import annotations

import logging
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from ingestion.sandbox.world.world import World
from tests.truth.cases import CASES
from tests.truth.compare import differences
from tests.truth.published import read_case

log = logging.getLogger("truth")


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    world_path, file, company, moment, *tables = sys.argv[1:]
    from tests.truth.base import Truth

    now = datetime.fromisoformat(moment.replace("Z", "+00:00")).astimezone(UTC)
    truth = Truth(World.load(Path(world_path)), now, Path(company), Path(file))
    failed = 0
    for case in CASES:
        if tables and case.name not in tables:
            continue
        started = time.perf_counter()
        try:
            expected = case.expected(truth)
            actual = read_case(Path(file), case, truth)
            found = differences(actual, expected, keys=case.keys, tolerance=case.tolerance)
        except Exception as error:
            log.exception("%s", case.table)
            found = [str(error)]
            expected = []
        failed += bool(found)
        took = time.perf_counter() - started
        log.info(
            "%s %s (%s rows, %.1f s)", "DIFFERS" if found else "equal  ", case.table, len(expected), took
        )
        for line in found:
            log.info("    %s", line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
