"""A PostgreSQL that has seen much: made by the server itself, so that a million releases take a minute and no memory.

Ids follow from numbers (`md5('release:7')::uuid`). The first team has a tenth of everything, the others share the rest.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import make_url

from storage.crypto import Vault

NOW = datetime.now(UTC)  # noqa: TID251 - the lanes of the real bot have the real clock
DAYS = 730
"""Over which the releases are spread."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is."""

    teams: int
    publishers: int
    """Pending, each of a project of its own; every sixtieth is due."""
    releases: int
    """Ended, each with its message, its vote, a fact and two lines of the audit trail."""
    under_way: int = 500
    open_messages: int = 500


SMALL = Size(teams=200, publishers=3_000, releases=20_000, under_way=100, open_messages=100)
BIG = Size(teams=5_000, publishers=100_000, releases=1_000_000)
HUGE_TEAM = "TBIG1"
"""Slack's id of the first team."""

_WHO = "(CASE WHEN n % 10 = 0 THEN 1 ELSE 2 + n % (%(teams)s - 1) END)"
_ENDS = "(ARRAY['published', 'published', 'published', 'published', 'published', 'published', 'failed', 'rejected', 'expired', 'cancelled'])"
_WHYS = "(ARRAY['verified', 'verified', 'verified', 'verified', 'verified', 'verified', 'run_failed', 'rejected_by_person', 'term_over', 'cancelled_by_person'])"
_OPEN = "(ARRAY['building', 'publishing', 'verifying', 'approved'])"
_TARGET = "'pypi', 'project-' || n, 'acme', 'repo-' || n, 'release.yml', 'pypi'"


def _id(kind: str, number: str) -> str:
    return f"md5('{kind}:' || ({number}))::uuid"


def _steps(since: str) -> tuple[str, ...]:
    """Return the statements, parents first; `since` is the moment of a release."""
    project, of_release = "(1 + n % %(publishers)s)", _id("release", "n")
    who = _WHO.replace("n %", f"{project} %")
    team, owner = _id("team", _WHO), _id("team", who)
    # What is forgotten after a week is not there for two years.
    recent, lately = f"{since} > %(now)s - interval '7 days'", "%(now)s - (n %% 604800) * interval '1 s'"
    ended = f"{of_release}, {owner}, {_id('project', project)}, 'pypi', 'project-' || {project}, 'acme', 'repo-' || {project}"
    columns = (
        "id, team_id, project_id, index_name, project, owner, repository, workflow, environment, slug, version, kind, tag, "
        '"commit", make_tag, start, notes, channel, requested_by, state, reason, detail, round, digest, report, policy, progress, '
        "begun, faults, rehearsal, requested_at, state_at, asked_at, expires_at, reminders, next_at"
    )

    def releases(first: str, last: str, state: str, reason: str, next_at: str) -> str:
        return (
            f"INSERT INTO releases ({columns}) SELECT {ended}, 'release.yml', 'pypi', 'acme/repo-' || {project}, '1.' || n, "
            f"'release', 'v1.' || n, 'c', false, 'push', 'Notes.', 'C' || {project}, 'U1', {state}, {reason}, '', 1, '', "
            f"'{{}}', '{{}}', '{{}}', '', 0, '', {since}, {since} + interval '20 min', {since} + interval '1 min', "
            f"{since} + interval '1 day', 0, {next_at} FROM generate_series({first}, {last}) n"
        )

    return (
        ("INSERT INTO teams (id, slack_team_id, enterprise_id, created_at) "
        f"SELECT {_id('team', 'n')}, 'TBIG' || n, '', %(now)s FROM generate_series(1, %(teams)s) n"),
        ("INSERT INTO projects (id, team_id, index_name, name, owner, repository, workflow, environment, channel, created_by, "
        f"created_at) SELECT {_id('project', 'n')}, {team}, {_TARGET}, 'C' || n, 'U1', %(now)s "
        "FROM generate_series(1, %(publishers)s) n"),
        ("INSERT INTO publishers (id, team_id, project_id, index_name, project, owner, repository, workflow, environment, channel, "
        "requested_by, state, reason, detail, attempts, unanswered, polls, etag, requested_at, state_at, pending_at, expires_at, "
        f"looked_at, handed_at, next_at) SELECT {_id('publisher', 'n')}, {team}, {_id('project', 'n')}, {_TARGET}, 'C' || n, "
        "'U1', 'pending', 'registered', '', 1, false, 3, '', %(now)s, %(now)s, %(now)s, %(now)s + interval '30 days', %(now)s, "
        "%(now)s, %(now)s + (n %% 3600 - 60) * interval '1 s' FROM generate_series(1, %(publishers)s) n"),
        (
            "INSERT INTO evidence (id, team_id, publisher_id, kind, url, digest, seen_at) "
            f"SELECT {_id('seen', 'n')}, {team}, {_id('publisher', 'n')}, 'index', 'https://pypi.example/' || n, 'd', %(now)s "
            "FROM generate_series(1, %(publishers)s) n"
        ),
        ("INSERT INTO health (publisher_id, team_id, seen, troubles, looked_at, next_at) "
        f"SELECT {_id('publisher', 'n')}, {team}, '{{}}', 0, %(now)s, %(now)s + (n %% 86400) * interval '1 s' "
        "FROM generate_series(1, %(publishers)s) n"),
        ("INSERT INTO watches (project_id, team_id, etag, versions, primed, next_at) "
        f"SELECT {_id('project', 'n')}, {team}, '', '[]', true, %(now)s + (n %% 3600) * interval '1 s' "
        "FROM generate_series(1, %(publishers)s) n"),
        releases("1", "%(releases)s", f"{_ENDS}[1 + n %% 10]", f"{_WHYS}[1 + n %% 10]", "NULL::timestamptz"),
        releases("%(releases)s + 1", "%(releases)s + %(under_way)s", f"{_OPEN}[1 + n %% 4]", "'asked'",
                 "%(now)s + (n %% 600 - 100) * interval '1 s'"),
        ('INSERT INTO approvals (id, team_id, release_id, round, "user", verdict, reason, at) '
        f"SELECT {_id('vote', 'n')}, {owner}, {of_release}, 1, 'U2', 'approved', '', {since} + interval '5 min' "
        "FROM generate_series(1, %(releases)s) n"),
        ("INSERT INTO release_evidence (id, team_id, release_id, kind, url, digest, seen_at) "
        f"SELECT {_id('fact', 'n')}, {owner}, {of_release}, 'index', 'https://pypi.example/' || n, 'd', {since} "
        "FROM generate_series(1, %(releases)s) n"),
        ("INSERT INTO audit_events (team_id, at, actor, action, subject, detail) "
        f"SELECT {owner}, {since}, 'U1', 'release.published', 'project-' || {project} || ' on pypi 1.' || n, '{{}}' "
        "FROM generate_series(1, %(releases)s) n"),
        ('INSERT INTO outbox (id, team_id, dedupe_key, channel, "user", kind, facts, state, attempts, error, ts, created_at, '
        f"claimed_at, sent_at) SELECT {_id('message', 'n')}, {owner}, 'release:' || {of_release}, 'C' || {project}, "
        f"CASE WHEN n %% 4 = 0 AND {recent} THEN 'U1' ELSE '' END, 'release.shown', '{{}}', CASE n %% 5000 WHEN 0 THEN 'dead' ELSE 'sent' END, 1, "
        f"'', '1.' || n, {since}, {since}, {since} FROM generate_series(1, %(releases)s) n"),
        ('INSERT INTO outbox (id, team_id, dedupe_key, channel, "user", kind, facts, state, attempts, error, ts, parent_key, '
        f"created_at, next_at) SELECT {_id('open', 'n')}, {owner}, 'open:' || n, 'C' || {project}, '', 'release.timeline', "
        f"'{{\"steps\": []}}', 'waiting', 0, '', '', 'release:' || {of_release}, %(now)s, %(now)s + (n %% 60) * interval '1 s' "
        "FROM generate_series(1, %(open_messages)s) n"),
        ("INSERT INTO inbox (id, team_id, dedupe_key, kind, actor, channel, payload, state, attempts, error, received_at, done_at) "
        f"SELECT {_id('intent', 'n')}, {owner}, 'd' || n, 'release.ask', 'U1', 'C1', '{{}}', "
        f"CASE n %% 5000 WHEN 0 THEN 'dead' ELSE 'done' END, 1, '', {lately}, {lately} "
        "FROM generate_series(1, %(releases)s / 5) n"),
    )  # fmt: skip


def fill(url: str, size: Size) -> None:
    """Fill an empty database with the newest schema, and let the server look at it."""
    since = f"(%(now)s - (n * {DAYS * 86_400}::bigint / (%(releases)s + %(under_way)s + 1)) * interval '1 s')"
    values: dict[str, Any] = {name: getattr(size, name) for name in size.__slots__} | {"now": NOW}
    with psycopg.connect(plain(url)) as connection:
        for statement in _steps(since):
            escaped = statement.replace(" % ", " %% ")
            connection.execute(_typed(escaped), values)
    analyze(url)


def give_key(url: str, vault: Vault, number: int = 1) -> None:
    """Give a team a data key, so that it can be worked for."""
    key = vault.make(team(number))
    with psycopg.connect(plain(url)) as connection:
        connection.execute(
            "INSERT INTO data_keys (id, team_id, wrapped, master_key_id, created_at) VALUES (%s, %s, %s, %s, %s)",
            (key.id, team(number), key.blob, key.master_key_id, NOW),
        )


def _typed(statement: str) -> str:
    """Give the parameters their types: on its own the server takes them for texts in an expression."""
    for name in Size.__slots__:
        statement = statement.replace(f"%({name})s", f"%({name})s::bigint")
    return statement.replace("%(now)s", "%(now)s::timestamptz")


def analyze(url: str) -> None:
    """Let the server look at its tables, as it does by itself after a while."""
    with psycopg.connect(plain(url), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def plain(url: str) -> str:
    """Return the URL as PostgreSQL's own library takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def team(number: int = 1) -> UUID:
    """Return the id of a team; the first one has the most."""
    return _uuid("team", number)


def publisher(number: int) -> UUID:
    """Return the id of a publisher."""
    return _uuid("publisher", number)


def release(number: int) -> UUID:
    """Return the id of a release."""
    return _uuid("release", number)


def _uuid(kind: str, number: int) -> UUID:
    return UUID(hashlib.md5(f"{kind}:{number}".encode(), usedforsecurity=False).hexdigest())
