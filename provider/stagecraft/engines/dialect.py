"""Queries: one SELECT in DuckDB's dialect, over named relations."""

from __future__ import annotations

from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.optimizer.scope import traverse_scope

from stagecraft.engines.contract import WHERE
from stagecraft.errors import InvalidInputError


class Query:
    """A parsed query.

    :param text: one SELECT in DuckDB's dialect (``WITH``, ``UNION`` and the like included)
    :raises InvalidInputError: it does not parse, or is another statement, or several

    >>> query = Query("WITH late AS (SELECT * FROM flights WHERE delay > 15) SELECT count(*) FROM late")
    >>> query.tables
    ['flights']
    """

    def __init__(self, text: str) -> None:
        try:
            statements = [found for found in sqlglot.parse(text, dialect="duckdb") if found is not None]
        except ParseError as error:
            first = error.errors[0]
            found = f"line {first['line']}, column {first['col']}: {first['description']}"
            raise InvalidInputError(
                WHERE, f"does not parse: {found}", "one SELECT in DuckDB's SQL"
            ) from error
        except TokenError as error:
            raise InvalidInputError(
                WHERE, f"does not parse: {error}", "one SELECT in DuckDB's SQL"
            ) from error
        if len(statements) != 1 or not isinstance(statements[0], exp.Query):
            kinds = ", ".join(found.key.upper() for found in statements) or "nothing"
            raise InvalidInputError(WHERE, f"holds {kinds}", "exactly one SELECT")
        self.tree: exp.Query = statements[0]

    @property
    def tables(self) -> list[str]:
        """The tables that the query reads, CTEs not among them, in the order of their first use."""
        return list(dict.fromkeys(table.name or table.sql("duckdb") for table in _tables(self.tree)))

    def bound(self, names: Mapping[str, str]) -> exp.Query:
        """Return the query with its tables named otherwise.

        :param names: relation, as the query names it (case ignored) → internal name
        :raises InvalidInputError: the query reads a table that is not among ``names``
        """
        tree = self.tree.copy()
        known = {name.lower(): internal for name, internal in names.items()}
        for table in _tables(tree):
            plain = isinstance(table.this, exp.Identifier) and not table.db
            if not plain or table.name.lower() not in known:
                raise InvalidInputError(
                    WHERE,
                    f"unknown table {table.sql('duckdb')!r}",
                    f"one of {', '.join(map(repr, names))}" if names else "name the relations it reads",
                )
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
            table.set("this", exp.to_identifier(known[table.name.lower()], quoted=True))
        return tree


def _tables(tree: exp.Query) -> list[exp.Table]:
    """The tables that are no CTEs. A CTE's own body may read a table of the CTE's name."""
    found: dict[int, exp.Table] = {}
    for scope in traverse_scope(tree):
        ctes = {name.lower() for name in scope.cte_sources}
        for table in scope.tables:
            if table.db or table.name.lower() not in ctes:
                found[id(table)] = table
    return list(found.values())
