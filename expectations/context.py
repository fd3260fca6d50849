"""The place where Great Expectations meets a warehouse: one ephemeral context, one SQL engine.

Belongs here: everything particular about Great Expectations' connection to an engine. Does not belong here:
which checks exist and what they mean. Import this module only where checks run: Great Expectations costs
seconds to import.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# Read by Great Expectations when it is imported, and asked again whenever a context is made.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
import sqlalchemy as sa
from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

# It announces every metric that could not be computed; the outcome says so already.
logging.getLogger("great_expectations").setLevel(logging.ERROR)


MOST_ROWS = 100_000


@atexit.register
def _let_go_of_duckdb() -> None:
    """With Great Expectations loaded, the dialect's modules outlive the interpreter's cleaning up.

    DuckDB's binding then lists every object that they hold, forty lines on stderr after a run's last words.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] == "duckdb_engine"]:
        vars(sys.modules[name]).clear()


class Session:
    """A connection to one warehouse on which asset queries can be registered and validated."""

    def __init__(self, datasource: SQLDatasource, engine: sa.Engine) -> None:
        self._datasource = datasource
        self._engine = engine
        self._queries: set[str] = set()
        self._remembered: dict[str, Any] = {}

    def batch(self, name: str, query: str) -> Any:
        """The rows of a query as a batch that expectations can be validated on."""
        self._queries.add(query.strip())
        asset = self._datasource.add_query_asset(name, query=query)
        return asset.add_batch_definition_whole_table("all").get_batch()

    def rows(self, query: str, limit: int) -> list[dict[str, Any]]:
        """At most `limit` rows of a query."""
        with self._engine.connect() as connection:
            result = connection.execute(sa.text(f"select * from ({query}) as found limit {limit:d}"))
            return [dict(row) for row in result.mappings()]

    def remembered(self, query: str, make: Callable[[list[dict[str, Any]]], Any]) -> Any:
        """What is made of the rows of a query; once, however many checks ask."""
        if query not in self._remembered:
            self._remembered[query] = make(self.rows(query, MOST_ROWS))
        return self._remembered[query]

    def _without_rows(
        self, conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> Any:
        """Great Expectations runs an asset's whole query to learn its column names: the names are enough."""
        if statement.strip() in self._queries:
            statement = f"select * from ({statement}) as columns_only limit 0"
        return statement, parameters


def _buffer_rows(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
    """Great Expectations closes the connection before it fetches, which DuckDB's cursor does not survive."""
    if cursor.description is not None:
        context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(cursor)


@contextmanager
def open_session(address: str, driver_arguments: dict[str, Any]) -> Iterator[Session]:
    """A session on a warehouse, in UTC; it is let go of again on the way out.

    Arguments:
        address: SQLAlchemy's; one of a server says UTC itself.
        driver_arguments: of its driver.
    """
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    # An ephemeral context has nowhere to save its settings, yet writes them out as YAML twice for each query:
    # without that the checks take half the time.
    context.variables.save = lambda: None  # type: ignore[method-assign]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datasource = context.data_sources.add_sql(  # type: ignore[call-arg]
            "warehouse",
            connection_string=address,
            create_temp_table=False,
            kwargs={"connect_args": driver_arguments},
        )
        engine = datasource.get_execution_engine().engine
    engines = [engine, datasource.get_engine()]
    try:
        session = Session(datasource, engine)
        # The pool may hold a connection from before the listeners.
        for one in engines:
            one.dispose()
        sa.event.listen(engine, "before_cursor_execute", session._without_rows, retval=True)
        if engine.dialect.name == "duckdb":
            sa.event.listen(
                engine, "connect", lambda connection, record: connection.execute("set TimeZone = 'UTC'")
            )
            sa.event.listen(engine, "after_cursor_execute", _buffer_rows)
        yield session
    finally:
        for one in engines:
            one.dispose()
