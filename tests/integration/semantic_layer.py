"""Asks the semantic layer everything once: `python -m tests.integration.semantic_layer <project> <answers>`.

Belongs here: one process that validates the semantic models and answers every saved query, since MetricFlow
takes long to start and keeps the warehouse's file until its process ends. Does not belong here: what the
answers should be.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

# Read by the libraries when they are imported.
os.environ |= {"DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}

from click.testing import CliRunner
from dbt_metricflow.cli.cli_configuration import CLIConfiguration
from dbt_metricflow.cli.main import cli
from metricflow.engine.metricflow_engine import MetricFlowQueryRequest


def main() -> int:
    project, answers = Path(sys.argv[1]), Path(sys.argv[2])
    configuration = CLIConfiguration()
    configuration.setup(dbt_profiles_path=project, dbt_project_path=project, configure_file_logging=False)
    validation = CliRunner().invoke(cli, ["validate-configs", "--show-all"], obj=configuration)
    found: dict[str, Any] = {
        "validation": {"exit_code": validation.exit_code, "output": validation.output},
        "queries": {},
    }
    for query in configuration.semantic_manifest.saved_queries:
        try:
            result = configuration.mf.query(MetricFlowQueryRequest.create(saved_query_name=query.name))
            table = result.result_df
            assert table is not None
            found["queries"][query.name] = {
                "columns": list(table.column_names),
                "rows": [list(row) for row in table.rows],
            }
        except Exception as error:
            found["queries"][query.name] = {"error": str(error)}
    answers.write_text(json.dumps(found, default=str), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
