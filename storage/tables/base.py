"""What every table shares: the metadata with its naming convention, and the columns of our own types.

Knows: column types. Must not know: any one table.
"""

from typing import Any

from sqlalchemy import Column, Index, MetaData, text
from sqlmodel import Field, SQLModel

from storage.columns import JSON_COLUMN, EnumText, UTCDateTime

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(SQLModel):
    """What every table shares: one metadata with a naming convention, so that migrations can name constraints."""

    metadata = MetaData(naming_convention=NAMING)


def moment(*, null: bool = False) -> Any:
    """Return a column of UTC times."""
    return Field(default=None, sa_column=Column(UTCDateTime(), nullable=null))


def word(enum: type, *, null: bool = False) -> Any:
    """Return a column of an enum's words."""
    return Field(default=None, sa_column=Column(EnumText(enum), nullable=null))


def document() -> Any:
    """Return a column of JSON."""
    return Field(default=None, sa_column=Column(JSON_COLUMN, nullable=False))


def partial(name: str, where: str, *columns: str, unique: bool = False) -> Index:
    """Return an index of the rows alone that `where` holds for, in the words of both databases."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))
