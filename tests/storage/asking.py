"""How tests ask what lanes ask the database."""

from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from storage.questions import Question, at

T = TypeVar("T")
EVER = datetime.min.replace(tzinfo=UTC)


async def value_of(session: AsyncSession, question: Question[T], now: datetime = EVER) -> T:
    """Return the one value of a question in this transaction; `now` where it asks about leases."""
    return (await session.execute(question, at(now))).scalar_one()
