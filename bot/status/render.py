"""The pages of the status page, from what they show.

Knows: templates, words. Must not know: routes, cookies, what is asked of the database.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bot.core import figures as reckoning
from bot.core.figures import Figures, Outcome, outcome
from bot.core.status_links import STATUS, cursor, project_url
from bot.status import charts, words
from bot.status.style import STYLE
from bot.workflow.looking import Overview, PublisherList, ReleaseStory
from bot.workflow.visiting import Refused, Viewer, Why
from storage.records import ReleaseState

ALL = "Releases"


@dataclass(frozen=True, slots=True)
class Frame:
    """Who looks, and what the button needs by which they leave."""

    viewer: Viewer
    check: str


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a release."""

    at: datetime
    words: str
    who: str = ""
    detail: str = ""


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    found.filters |= {
        "machine": words.machine, "moment": words.moment, "day": words.day, "span": words.span, "counted": words.counted,
        "cause": words.cause, "evidence": words.EVIDENCE.__getitem__, "is_web": _is_web,
        "outcome": outcome, "outcome_sign": lambda state: words.OUTCOMES[outcome(state)][0],
        "state_of": lambda state, kind: words.state(kind, state),
    }  # fmt: skip
    found.globals |= {
        "style": Markup(STYLE), "outcomes": words.OUTCOMES, "publishers": words.PUBLISHERS, "span_words": words.SPANS,  # noqa: S704 - our own constant, the same for everybody
        "viewer": None, "here": "", "goes_to": None,
    }  # fmt: skip
    return found


def _is_web(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _page(template: str, title: str, frame: Frame | None = None, **values: Any) -> str:
    framed = {"viewer": frame.viewer, "check": frame.check} if frame else {}
    return _environment().get_template(template).render(title=title, **framed, **values)


def sign_in(goes_to: str) -> str:
    """Ask somebody to sign in who wants a page."""
    texts = (
        "What Shipbell has released for your Slack workspace: when, how long it took, who approved, and on what evidence.",
        "Sign in with Slack to see it. Shipbell learns who you are and which workspace you belong to, and nothing else.",
    )
    return _page("message.html", "Release history", texts=texts, goes_to=goes_to)


def signed_out() -> str:
    """Say that somebody has signed out."""
    return _page("message.html", "You have signed out", texts=("You may close this page.",), goes_to=STATUS)


def not_set_up() -> str:
    """Say why there is no status page, and what an operator does about it."""
    texts = (
        "This bot can't let anybody sign in: it was not told the client id and the client secret of its Slack app.",
        (
            "Its operator sets SHIPBELL_SLACK_CLIENT_ID and SHIPBELL_SLACK_CLIENT_SECRET, and adds the bot's address to the app's "
            "redirect addresses, as docs/status.md says."
        ),
    )
    return _page("message.html", "There is no status page here", texts=texts)


_WHY: Mapping[Why, tuple[str, str]] = MappingProxyType(
    {
        Why.ENDED: (
            "This sign-in can't be used",
            "It was used before, took more than ten minutes, belongs to another browser, or was never begun.",
        ),
        Why.DECLINED: ("You did not sign in", "You did not allow it on Slack's page. Nothing is kept."),
        Why.UNPROVEN: ("You are not signed in", ""),
        Why.NO_TEAM: (
            "Nothing was released here for your workspace",
            (
                "Shipbell is not installed in the Slack workspace that you signed in with, or nobody has used it there yet. "
                "Sign in to another one, or ask your workspace's admins to add Shipbell."
            ),
        ),
        Why.NOT_MEMBER: (
            "This page is for members",
            (
                "Guests, people of other workspaces and deactivated accounts do not see a workspace's releases. "
                "Ask a member who shares it with you in Slack."
            ),
        ),
        Why.UNSURE: (
            "Slack does not say who you are",
            "Without that nothing is shown. Look again in a minute; if it stays so, tell your workspace's admins.",
        ),
    }
)  # fmt: skip


def refused(no: Refused) -> str:
    """Say why somebody sees nothing, and what to do."""
    title, known = _WHY[no.why]
    texts = tuple(text for text in (known, no.cause, no.remedy) if text)
    return _page("message.html", title, texts=texts, goes_to=STATUS)


def missing(frame: Frame) -> str:
    """Say that there is no such page for whoever looks."""
    texts = ("Your workspace has no such project or release, or it was named wrongly in the address.",)
    return _page("message.html", "There is nothing here", frame, texts=texts)


def overview(frame: Frame, found: Overview, project: str) -> str:
    """Show a team's history, or one project's."""
    told = found.figures
    path = project_url("", project) if project else STATUS
    older = f"{path}?before={cursor(*found.listed.older)}" if found.listed.older else ""
    return _page(
        "overview.html", project or ALL, frame,
        here="" if project else "releases", now=found.now, since=found.since, figures=told, cut_off=found.cut_off,
        timeline=charts.timeline(found.recent, found.since, found.now), timings=charts.timings(told), causes=charts.causes(told),
        says=_says(told), by_project=_by_project(found), listed=found.listed, first_page=found.first_page, narrowed=bool(project),
        older=older, path=path, projects=found.projects,
    )  # fmt: skip


def _says(told: Figures) -> dict[str, str]:
    """Return what each picture shows, for who can't see it."""
    ends = ", ".join(f"{told.outcomes[kind]} {word}" for kind, (_, word) in words.OUTCOMES.items())
    spread = told.to_published
    half = (
        f"Half took at most {words.span(spread.median)}, the longest {words.span(spread.longest)}."
        if spread
        else ""
    )
    causes = ", ".join(f"{words.cause(reason)}: {count}" for reason, count in told.causes)
    return {"timeline": f"Of {told.counted}: {ends}.", "timings": half, "causes": f"{causes}."}


def _by_project(found: Overview) -> list[tuple[str, Counter[Outcome]]]:
    counts: dict[str, Counter[Outcome]] = {}
    for line in found.recent:
        counts.setdefault(line.project, Counter())[outcome(line.state)] += 1
    return sorted(counts.items(), key=lambda pair: (-pair[1].total(), pair[0]))[: charts.MARKS]


def release(frame: Frame, story: ReleaseStory) -> str:
    """Show one release."""
    one = story.release
    cause, remedy = words.why(one)
    parts = charts.spans(reckoning.spans(story.line, story.progress.accepted_at))
    says = ", ".join(f"{part.words} {words.SPANS[part.name]}" for part in parts)
    title = f"{one.target.project} {one.version} → {one.target.index}"
    return _page(
        "release.html", title, frame,
        release=one, line=story.line, progress=story.progress, cause=cause, remedy=remedy, spans=parts, says=f"{says}.",
        steps=_steps(story), evidence=story.evidence,
    )  # fmt: skip


def _steps(story: ReleaseStory) -> list[Step]:
    one, seen = story.release, story.progress

    def called(user: str) -> str:
        return story.names.get(user, user)

    steps = [Step(one.requested_at, "Asked for", called(one.requested_by))]
    if one.act_at is not None:
        steps.append(Step(one.act_at, "Not to start before"))
    if one.asked_at is not None:
        steps.append(Step(one.asked_at, "Checked; people asked to approve"))
    for vote in story.votes:
        withdrawn = f"withdrawn {words.moment(vote.withdrawn_at)}" if vote.withdrawn_at else ""
        void = "" if vote.round == one.round else "in an earlier round, so it no longer counts"
        detail = ", ".join(filter(None, (vote.reason, withdrawn, void)))
        steps.append(Step(vote.at, words.VERDICTS[vote.verdict].capitalize(), called(vote.user), detail))
    index = one.target.index
    steps += [Step(at, words.DONE[done]) for done, at in seen.at.items() if done in words.DONE]
    for at, what in (
        (seen.accepted_at, f"First file seen on {index}"),
        (seen.installable_at, f"Every file can be installed from {index}"),
        (seen.downloadable_at, "Files downloaded and compared with what was built"),
        (seen.attested_at, "Attestations verified"),
    ):
        if at is not None:
            steps.append(Step(at, what))
    if one.state is not ReleaseState.REQUESTED:
        steps.append(Step(one.state_at, words.state(one.kind, one.state).capitalize()))
    return sorted(steps, key=lambda step: step.at)


def publishers(frame: Frame, found: PublisherList) -> str:
    """Show a page of a team's publishers."""
    more = f"{STATUS}/publishers?after={'/'.join(found.more)}" if found.more else ""
    return _page(
        "publishers.html",
        "Publishers",
        frame,
        here="publishers",
        now=found.now,
        projects=found.projects,
        more=more,
    )
