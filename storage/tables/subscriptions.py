"""What channels want to hear of releases that are not their own."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from storage.records import Hears
from storage.tables.base import Base, moment, word


class SubscriptionRow(Base, table=True):
    """What a channel wants to hear of the ends of a project's releases, or (no project) of every project's."""

    __tablename__ = "subscriptions"

    team_id: UUID = Field(foreign_key="teams.id", primary_key=True)
    project: str = Field(max_length=200, primary_key=True)
    channel: str = Field(max_length=32, primary_key=True)
    hears: Hears = word(Hears)
    set_by: str = Field(max_length=32)
    set_at: datetime = moment()
