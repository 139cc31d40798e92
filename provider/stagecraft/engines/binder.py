"""DuckDB, asked what a query returns, without rows."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa
from sqlglot import exp

from stagecraft.engines.contract import WHERE
from stagecraft.engines.duckdb_functions import register
from stagecraft.engines.types import canonical
from stagecraft.errors import InvalidInputError


class Binder:
    """Gives queries the names and types of columns that DuckDB gives them, for other engines to follow."""

    def __init__(self) -> None:
        self._duckdb = duckdb.connect(config={"threads": 1, "memory_limit": "256MiB"})
        self._duckdb.execute("SET TimeZone = 'UTC'")
        register(self._duckdb)

    def schema(self, query: exp.Query, tables: Mapping[str, pa.Schema]) -> pa.Schema:
        """Return the canonical columns of a query.

        :param tables: internal table name → its columns
        :raises InvalidInputError: DuckDB refuses the query
        """
        for name, schema in tables.items():
            self._duckdb.register(name, schema.empty_table())
        try:
            rows = self._duckdb.sql(query.sql("duckdb"))
            return canonical(rows.limit(0).to_arrow_table().schema, "sql")
        except duckdb.Error as error:
            raise InvalidInputError(WHERE, str(error), "a query that DuckDB takes") from error
        finally:
            for name in tables:
                self._duckdb.unregister(name)

    def close(self) -> None:
        self._duckdb.close()
