"""Changes of tables that are in use and may be big: nobody who works on them meanwhile waits for longer than a moment.

Knows: which changes PostgreSQL makes without holding others up. Must not know: any one table.

What needs no help from here, since it takes a moment however big the table is: a new table, a new column that may be
null or has a constant as its default, an index that is dropped. What the older version of the bot, which still runs, does
not know must not be in its way (docs/adr/0027): it goes on writing rows as it always did.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add a column that may be null or has a constant default, in a transaction of its own.

    So a migration may change several tables: it never holds one while it waits for another. What is there already stays.
    """
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table(table) as batch:
            batch.add_column(column)
        return
    with op.get_context().autocommit_block():
        op.add_column(table, column, if_not_exists=True)


def create_index(
    name: str, table: str, columns: Sequence[str], where: str = "", *, unique: bool = False
) -> None:
    """Make an index while others write; what a process that died has left of it is made anew.

    What comes before it in its migration is committed, so that must be such as can be done twice.
    """
    clause = sa.text(where) if where else None
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(name, table, columns, unique=unique, sqlite_where=clause)
        return
    with op.get_context().autocommit_block():
        # It waits for the transactions that are open now, and holds nobody up while it does: so it may wait.
        op.execute("SET lock_timeout = 0")
        op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
        op.create_index(
            name, table, columns, unique=unique, postgresql_where=clause, postgresql_concurrently=True
        )
        op.execute("RESET lock_timeout")


def drop_index(name: str, table: str) -> None:
    """Drop an index, if it is there."""
    op.drop_index(name, table, if_exists=True)


def create_check(name: str, table: str, condition: str) -> None:
    """Make a rule that holds for new rows at once, and look through the old ones while others work."""
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table(table) as batch:
            batch.create_check_constraint(op.f(name), condition)
        return
    op.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT IF EXISTS "{name}"')
    op.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" CHECK ({condition}) NOT VALID')
    with op.get_context().autocommit_block():
        op.execute(f'ALTER TABLE "{table}" VALIDATE CONSTRAINT "{name}"')


def fill(table: str, key: str, assignment: str, where: str, at_once: int = 5_000) -> None:
    """Write a value into many rows, in the order of their key, some thousand in a transaction: nobody waits for long for any."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f'UPDATE "{table}" SET {assignment} WHERE {where}')  # noqa: S608 - of our own words
        return
    few = f'SELECT "{key}" FROM "{table}" WHERE ({where}) {{after}} ORDER BY "{key}" LIMIT {at_once}'  # noqa: S608 - of our own words
    written = f'UPDATE "{table}" SET {assignment} WHERE "{key}" IN (SELECT "{key}" FROM few)'  # noqa: S608 - of our own words
    statement = (
        f"WITH few AS ({few}), written AS ({written}) "  # noqa: S608 - of our own words
        f'SELECT "{key}" FROM few ORDER BY "{key}" DESC LIMIT 1'
    )
    with op.get_context().autocommit_block():
        last = op.get_bind().execute(sa.text(statement.format(after=""))).scalar()
        while last is not None:
            goes_on = sa.text(statement.format(after=f'AND "{key}" > :last'))
            last = op.get_bind().execute(goes_on, {"last": last}).scalar()
