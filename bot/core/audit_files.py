"""The audit trail written out as a file: JSON or comma-separated values, an event each, and what the check of its chain found.

Knows: columns, what no file may hold. Must not know: where events come from, who gets the file.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TextIO

from bot.core.secrets import redact
from storage.records import AuditEvent

COLUMNS = ("team", "number", "at", "actor", "action", "subject", "detail", "mac")
"""What is told of each event; `number` and `mac` are its place in the chain."""
FORMATS = ("csv", "json")
CHECKED = "audit.checked"
"""The last line of a file that is given in Slack: what the check of the chain found."""


class Writer(Protocol):
    """Writes one file, line by line."""

    def write(self, told: Mapping[str, Any]) -> None:
        """Write one event."""

    def end(self) -> None:
        """Write what ends the file."""


def writer(written_as: str, out: TextIO) -> Writer:
    """Return what writes a file of one of `FORMATS`."""
    return _Csv(out) if written_as == "csv" else _Json(out)


def told(team: str, event: AuditEvent, number: int | None, mac: bytes | None) -> Mapping[str, Any]:
    """Return an event as it is told: every secret that should not be there is taken out."""
    said = {
        "team": team, "number": number, "at": event.at.isoformat(), "actor": event.actor,
        "action": event.action, "subject": event.subject, "detail": event.detail,
    }  # fmt: skip
    # The second net: no secret is written down in the first place. A MAC is no secret, and must stay as it is.
    return {**_redacted(said), "mac": None if mac is None else mac.hex()}


def checked(
    team: str, at: datetime, events: int, broken: Sequence[tuple[int, str]], head: str
) -> Mapping[str, Any]:
    """Return the last line: whether the chain is whole, and where it ends."""
    found = [{"number": number, "what": what} for number, what in broken]
    return {
        "team": team, "number": None, "at": at.isoformat(), "actor": "shipbell", "action": CHECKED,
        "subject": "broken" if broken else "whole", "detail": {"events": events, "head": head, "broken": found}, "mac": None,
    }  # fmt: skip


def _redacted(value: Any) -> Any:
    match value:
        case str():
            return redact(value)
        case dict():
            return {redact(key): _redacted(one) for key, one in value.items()}
        case list():
            return [_redacted(one) for one in value]
        case _:
            return value


class _Json:
    """One JSON list, an event on each line, so that it can be read as a whole or line by line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._before = "[\n"

    def write(self, told: Mapping[str, Any]) -> None:
        self._out.write(self._before + json.dumps(told))
        self._before = ",\n"

    def end(self) -> None:
        self._out.write("[]\n" if self._before == "[\n" else "\n]\n")


class _Csv:
    """Comma-separated values with a line of names first; the detail is JSON.

    Lines end as RFC 4180 has it: with a bare newline the library would not quote a cell with a carriage return, behind which a
    spreadsheet begins another row.
    """

    def __init__(self, out: TextIO) -> None:
        self._rows = csv.writer(out)
        self._rows.writerow(COLUMNS)

    def write(self, told: Mapping[str, Any]) -> None:
        cells = {**told, "detail": json.dumps(told["detail"])}
        self._rows.writerow([_harmless(cells[name]) for name in COLUMNS])

    def end(self) -> None:
        """Do nothing: a table ends with its last row."""


_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a formula begins with; the last four are the wide forms of the first, which some spreadsheets read alike."""


def _harmless(cell: object) -> object:
    """Return a cell that no spreadsheet takes for a formula (owasp.org, CSV Injection)."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULAS) else cell
