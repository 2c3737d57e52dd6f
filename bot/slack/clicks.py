"""What buttons mean, and dialogs that were sent: values of ours that come back through Slack, read again.

Knows: the ids of buttons and what they carry. Must not know: Bolt, network, rules.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

import structlog

from bot.core import intents
from bot.core.names import normalize_project, project_problem
from bot.core.secrets import looks_like_token
from bot.slack.blocks import (
    audits,
    confirming,
    credentials,
    health,
    home,
    imports,
    policy_changes,
    publishers,
    release_dialogs,
    releases,
    setup,
)
from bot.slack.blocks.forms import View

log = structlog.get_logger(__name__)

MOST_REVIEWERS = 6
"""Reviewers that GitHub takes for an environment."""
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}", re.ASCII)
_BETWEEN = re.compile(r"[,;\s]+")

Carried = Mapping[str, str]
"""What a button or a dialog carries along, by name."""


@dataclass(frozen=True, slots=True)
class _About:
    release: str
    round: int


def _about(carried: Carried) -> _About:
    """Return which release, and which round of it, is meant; ValueError or KeyError where that can't be read."""
    return _About(str(UUID(carried["release"])), int(carried["round"]))


def _approve(value: str) -> intents.Intent:
    about = _about(carried_by(value))
    return intents.Approve(about.release, about.round)


def _withdraw(value: str) -> intents.Intent:
    about = _about(carried_by(value))
    return intents.Withdraw(about.release, about.round)


def _cancel(value: str) -> intents.Intent:
    return intents.CancelRelease(release_id=_about(carried_by(value)).release)


def _retry(value: str) -> intents.Intent:
    return intents.RetryRelease(release_id=_about(carried_by(value)).release)


def _page(value: str) -> tuple[str, int]:
    """Return which project's trail is shown, and where its next page begins."""
    carried = carried_by(value)
    project = carried["project"]
    return normalize_project(project[:200]) if project else "", int(carried["before"])


def _revoke(value: str) -> intents.Intent:
    carried = carried_by(value)
    return intents.RevokeCredential(str(UUID(carried["credential"])), carried.get("view", ""))


_DECIDES = (intents.Approve, intents.Withdraw, intents.CancelRelease, intents.RetryRelease)
"""What is wanted of a release by one press; a dialog that shows it shows it anew then."""


_BUTTONS: Mapping[str, Callable[[str], intents.Intent]] = MappingProxyType(
    {
        publishers.SUBMITTED: lambda value: intents.SubmittedByHand(str(UUID(value))),
        publishers.ORGANIZATION: lambda value: intents.ToOrganization(str(UUID(value))),
        publishers.AGAIN: lambda value: intents.TryAgain(str(UUID(value))),
        health.TAKE_OVER: lambda value: intents.TakeOver(str(UUID(value))),
        credentials.REVOKE: _revoke,
        releases.APPROVE: _approve,
        releases.WITHDRAW: _withdraw,
        releases.CANCEL: _cancel,
        releases.RETRY: _retry,
        home.POLICY: lambda _value: intents.ShowPolicy(""),
        home.AUDIT: lambda _value: intents.ShowAudit(""),
        audits.OLDER: lambda value: intents.ShowAudit(*_page(value)),
        audits.CSV: lambda value: intents.ExportAudit(_page(value)[0], "csv"),
        audits.JSON: lambda value: intents.ExportAudit(_page(value)[0], "json"),
        policy_changes.AGREE: lambda value: intents.AgreePolicy(str(UUID(value))),
        policy_changes.REFUSE: lambda value: intents.RefusePolicy(str(UUID(value))),
    }
)

_OPENERS: Mapping[str, Callable[[Carried, str], View]] = MappingProxyType(
    {
        releases.REJECT: release_dialogs.reject,
        releases.BREAK_GLASS: release_dialogs.break_glass,
        setup.CONFIRM: confirming.ask,
    }
)


def clicked(name: str, value: str) -> intents.Intent | None:
    """Return what a button means; None for one that means nothing (a link, an older version's)."""
    try:
        return _BUTTONS[name](value) if name in _BUTTONS else None
    except (ValueError, TypeError, KeyError, AttributeError):
        log.warning("unreadable button", action=name[:50])
        return None


def value_of(action: Mapping[str, Any]) -> str:
    """Return what a button carries, or what was chosen in a menu."""
    return str(action.get("value") or (action.get("selected_option") or {}).get("value") or "")


def turns(name: str, value: str) -> int | None:
    """Return the page of the Home tab that a button turns to; None for another button."""
    return int(value) if name in home.TURNS and value.isascii() and value.isdigit() else None


def release_wanted(value: str) -> dict[str, str]:
    """Return what a button that opens the form for a release fills in; nothing where that can't be read."""
    try:
        return {
            name: text for name, text in carried_by(value or "{}").items() if name in {"project", "index"}
        }
    except (ValueError, TypeError):
        return {}


def looks_at(name: str, value: str) -> str:
    """Return the release that a button wants to be shown; "" where it asks for something else."""
    try:
        return str(UUID(value)) if name == home.LOOK else ""
    except ValueError:
        log.warning("unreadable button", action=name[:50])
        return ""


def shows_after(intent: intents.Intent, dialog: str) -> intents.ShowRelease | None:
    """Return what a dialog shows once something was wanted of its release; None where that needs no showing."""
    if not dialog or not isinstance(intent, _DECIDES):
        return None
    return intents.ShowRelease(dialog, intent.release_id)


def asks_first(name: str, value: str, channel: str) -> View | None:
    """Return the dialog that asks for a button's reason, or whether it is meant; None for a button that needs none."""
    if name not in _OPENERS:
        return None
    try:
        carried = carried_by(value)
        confirms(carried) if name == setup.CONFIRM else _about(carried)
    except (ValueError, TypeError, KeyError):
        log.warning("unreadable button", action=name[:50])
        return None
    return _OPENERS[name](carried, channel)


def decided(
    callback: str, carried: Carried, typed: Mapping[str, str]
) -> intents.Reject | intents.BreakGlass | dict[str, str]:
    """Return what a dialog with a reason means, or Slack's inline errors; a reason is wanted, and no secret in it."""
    reason = " ".join(typed.get("reason", "").split())
    if kind := looks_like_token(reason):
        return {"reason": kind.refusal}
    if not reason:
        return {"reason": "Say why, in a few words."}
    try:
        about = _about(carried)
    except (ValueError, TypeError, KeyError):
        return {
            "reason": "I can't tell any more which release this is about: close this and press the button again."
        }
    short = reason[: release_dialogs.REASON]
    if callback == releases.BREAK_GLASS:
        return intents.BreakGlass(about.release, about.round, short)
    return intents.Reject(about.release, about.round, short)


def opens_setup(name: str, value: str) -> str:
    """Return the publisher whose set-up a button asks for; "" where it asks for something else."""
    try:
        return str(UUID(value)) if name == setup.OPEN else ""
    except ValueError:
        log.warning("unreadable button", action=name[:50])
        return ""


def kept(carried: Carried, typed: Mapping[str, str]) -> intents.KeepCredential | dict[str, str]:
    """Return what the dialog means that has shown a secret for what it is, or Slack's inline errors."""
    if typed.get(credentials.SCOPE) != credentials.NARROW:
        return intents.KeepCredential(str(UUID(carried["entry"])))
    project = typed.get("project", "").strip()
    if problem := project_problem(project):
        return {"project": problem}
    return intents.KeepCredential(str(UUID(carried["entry"])), normalize_project(project))


def setup_sent(carried: Carried, typed: Mapping[str, str]) -> intents.OpenSetupPull | dict[str, str]:
    """Return what the dialog with a pull request means, or Slack's inline errors."""
    said = typed.get("reviewers", "")
    if kind := looks_like_token(said):
        return {"reviewers": kind.refusal}
    reviewers = tuple(dict.fromkeys(word.lstrip("@") for word in _BETWEEN.split(said) if word))
    odd = next((name for name in reviewers if not _LOGIN.fullmatch(name)), "")
    if odd:
        return {
            "reviewers": f"{odd[:40]!r} can't be a GitHub login. Give logins with commas; teams can't be given here."
        }
    if len(reviewers) > MOST_REVIEWERS:
        return {"reviewers": f"GitHub takes {MOST_REVIEWERS} reviewers at most."}
    make = typed.get("environment") == "yes"
    if reviewers and not make:
        return {"environment": "Make it, or name nobody."}
    return intents.OpenSetupPull(str(UUID(carried["publisher"])), carried["digest"], make, reviewers)


def confirms(carried: Carried) -> intents.ConfirmNow:
    """Return what the dialog before a confirmation run means; ValueError or KeyError where that can't be read."""
    return intents.ConfirmNow(str(UUID(carried["publisher"])))


def opens_import(name: str, value: str) -> str:
    """Return the import whose packages a button asks for; "" where it asks for something else."""
    try:
        return str(UUID(value)) if name == imports.OPEN else ""
    except ValueError:
        log.warning("unreadable button", action=name[:50])
        return ""


def numbers(words: Iterable[str]) -> tuple[int, ...]:
    """Return the places in a list that a dialog sends back; what is no number is left out."""
    return tuple(dict.fromkeys(int(word) for word in words if word.isascii() and word.isdigit()))


def import_confirmed(carried: Carried) -> intents.SetUpImport:
    """Return what the question after the dialog means."""
    return intents.SetUpImport(str(UUID(carried["import"])), numbers(carried.get("chosen", "").split()))


def carried_by(text: str) -> dict[str, str]:
    """Return what a button's value or a dialog's metadata says, by name; ValueError or TypeError where it is none."""
    found = json.loads(text)
    return {str(name): str(value) for name, value in dict(found).items()}
