"""What a release that the bot uploads itself needs: a credential that is good for it, and files that are there.

Knows: what can be told without using either. Must not know: how facts were fetched, wording.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.core.distributions import ENDS, MOST_FILES
from bot.core.findings import Check, Finding, Found, Level
from bot.core.forge import Asset, ForgeRelease, ReleaseOutcome
from bot.core.secrets import redact
from storage.records import Registration


@dataclass(frozen=True, slots=True)
class Means:
    """With what a project is uploaded: what can be told of the credential without using it."""

    has_address: bool
    """Whether the index has an address for uploads, by the settings."""
    there: bool = False
    refused: bool = False
    """Whether the index has refused it before."""
    password: bool = False
    """Whether it is a user name and a password, and no token."""
    granted: bool = False
    """Whether it is a grant of the index's OAuth facility."""
    added_by: str = ""
    unreadable: str = ""
    elsewhere: str = ""
    """Host of the index that it is for, where that is another one."""
    account_wide: bool | None = None
    """None: it can't be told."""
    projects: tuple[str, ...] | None = None
    """None: it names none."""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a release is published where the bot uploads it."""

    means: Means
    assets: tuple[tuple[str, str], ...] = ()
    """(name, sha256 or "") of the distributions that the forge's release of the tag holds."""


def findings(plan: Plan, target: Registration, now: datetime) -> list[Finding]:
    """Return what is to be said of the credential: that it is the exception, or what stands in its way."""
    means = plan.means
    found, values = _hindrance(means, target.project, now)
    named = {"project": target.project, "index": target.index}
    if found is not None:
        return [Finding(Check.PUBLISHER, Level.BLOCKING, found, {**named, **values})]
    values = {"by": means.added_by, "scope": scope(means)}
    return [Finding(Check.PUBLISHER, Level.WARNING, Found.UPLOAD_CREDENTIAL, {**named, **values})]


def _hindrance(means: Means, project: str, now: datetime) -> tuple[Found | None, dict[str, str]]:
    """Return what stands in the way of using a credential, with its values; None where nothing does."""
    names = ", ".join((means.projects or ())[:5]) or "none"
    ends = means.expires_at
    hindrances: tuple[tuple[bool, Found, dict[str, str]], ...] = (
        (not means.has_address, Found.UPLOAD_NO_ADDRESS, {}),
        (means.refused, Found.UPLOAD_CREDENTIAL_REFUSED, {}),
        (not means.there, Found.UPLOAD_NO_CREDENTIAL, {}),
        (bool(means.unreadable), Found.UPLOAD_CREDENTIAL_UNREADABLE, {"cause": means.unreadable}),
        (bool(means.elsewhere), Found.UPLOAD_CREDENTIAL_ELSEWHERE, {"host": means.elsewhere}),
        (
            means.projects is not None and project not in means.projects,
            Found.UPLOAD_CREDENTIAL_NARROWER, {"projects": names},
        ),
        (
            ends is not None and ends <= now,
            Found.UPLOAD_CREDENTIAL_EXPIRED, {"at": ends.isoformat() if ends else ""},
        ),
    )  # fmt: skip
    return next(((found, values) for stands, found, values in hindrances if stands), (None, {}))


def scope(means: Means) -> str:
    """Return how far a credential reaches: `password`, `grant`, `account`, `project`, or "" where it can't be told."""
    if means.granted:
        return "grant"
    if means.password:
        return "password"
    if means.account_wide is None:
        return ""
    return "account" if means.account_wide else "project"


def attached(release: ReleaseOutcome | None) -> tuple[Asset, ...]:
    """Return the distributions that the forge's release holds."""
    if not isinstance(release, ForgeRelease) or release.draft:
        return ()
    return tuple(one for one in release.attached if one.name.endswith(ENDS))[: MOST_FILES + 1]


def named(assets: Iterable[Asset]) -> tuple[tuple[str, str], ...]:
    """Return the files by name and digest, as they are kept and shown: without what looks like a secret in a name."""
    return tuple((redact(one.name), one.sha256) for one in assets)


def files(plan: Plan, workflow: str, tag: str) -> list[Finding]:
    """Return what is uploaded where no run builds it: the files of the forge's release, and an approval is for these."""
    assets = plan.assets
    if not assets:
        values = {"workflow": workflow, "tag": tag}
        return [Finding(Check.WORKFLOW, Level.BLOCKING, Found.UPLOAD_NO_FILES, values)]
    names = ", ".join(name for name, _ in assets[:4]) + (", …" if len(assets) > 4 else "")
    digest = hashlib.sha256(repr(sorted(assets)).encode()).hexdigest()
    values = {"files": str(len(assets)), "names": names, "digest": digest}
    return [Finding(Check.WORKFLOW, Level.WARNING, Found.UPLOAD_ASSETS, values)]
