"""How far a release's run and the index have come, in one short line of stages.

Knows: words. Must not know: Bolt, network, rules.
"""

from collections.abc import Iterator

from bot.core.progress import Progress
from bot.core.release_notices import ReleaseShown
from bot.slack.blocks.pieces import go, tick, tidy
from storage.records import ReleaseState

DONE, NOW, FAILED, LATER, UNKNOWN = (
    ":white_check_mark:", ":hourglass_flowing_sand:", ":x:", ":white_circle:", ":grey_question:",
)  # fmt: skip
_DONE_WITH_JOBS = frozenset({ReleaseState.VERIFYING, ReleaseState.PUBLISHED})


def stages(notice: ReleaseShown) -> str:
    """Return the stages, each with a sign: done, now, failed, later, or not known."""
    told: list[str] = []
    stuck = {ReleaseState.FAILED: FAILED, ReleaseState.PUBLISHED: UNKNOWN}.get(notice.state, NOW)
    beyond = UNKNOWN if notice.state is ReleaseState.PUBLISHED else LATER
    waiting = True
    for word, done in _stages(notice):
        sign = DONE if done else stuck if waiting else beyond
        waiting = waiting and done
        told.append(f"{sign} {word}")
    return "*Progress:* " + " · ".join(told) + "".join(f"\n{line}" for line in _asides(notice))


def _stages(notice: ReleaseShown) -> Iterator[tuple[str, bool]]:
    seen = notice.progress
    yield "tag", seen.tag_made or not notice.report.make_tag
    if notice.report.assets:
        yield "files", seen.started
    else:
        yield go(seen.run_url, "run") if seen.run_url else "run", bool(seen.run_url)
        yield _jobs(seen), notice.state in _DONE_WITH_JOBS or _all_well(seen)
    if notice.report.uploads:
        count = f" {len(seen.sent)} of {len(seen.expected)}" if seen.expected else ""
        yield f"uploaded{count}", notice.state in _DONE_WITH_JOBS
    yield "accepted", seen.accepted_at is not None
    yield "installable", seen.installable_at is not None
    yield "downloadable", seen.downloadable_at is not None
    if not notice.report.uploads:
        yield "attested", seen.attested_at is not None


_WELL = frozenset({"success", "skipped"})


def _all_well(seen: Progress) -> bool:
    return bool(seen.jobs) and all(job.conclusion in _WELL for job in seen.jobs)


def _jobs(seen: Progress) -> str:
    if not seen.jobs:
        return "jobs"
    ended = [job for job in seen.jobs if job.status == "completed"]
    well = [job for job in ended if job.conclusion in _WELL]
    bad = [job for job in ended if job.conclusion not in _WELL]
    if bad:
        # Where one failed the forge cancels others, so what failed is shown.
        first = next((job for job in bad if job.conclusion != "cancelled"), bad[0])
        return f"jobs: {len(well)} of {len(seen.jobs)} ended well, look at {go(first.url, first.name)}"
    return f"jobs {len(ended)} of {len(seen.jobs)}"


def _asides(notice: ReleaseShown) -> list[str]:
    """What a person should know while it goes on."""
    seen = notice.progress
    acting = notice.state not in {ReleaseState.PUBLISHED, ReleaseState.FAILED}
    lines: list[str] = []
    if seen.waits_for and acting:
        lines.append(
            f":eyes: The {go(seen.run_url, 'run')} waits for the reviewers of the environment {tick(seen.waits_for)}."
        )
    if seen.trouble and acting:
        lines.append(f":construction: Delayed: {tidy(seen.trouble)}. I keep looking by myself.")
    return lines  # fmt: skip
