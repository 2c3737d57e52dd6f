"""Releases to be worded in tests: one in each state that looks different, lists, policies, freezes."""

from dataclasses import replace
from datetime import timedelta

from bot.core import notices
from bot.core.approvals import Denied, Policy
from bot.core.findings import Change, Check, Finding, Found, Level, Report
from bot.core.progress import JobSeen, Progress
from bot.core.release_notices import (
    FreezeLine,
    FreezeSet,
    Heard,
    HearsLine,
    HearsShown,
    NotCounted,
    PolicyRefused,
    PolicyShown,
    ReleaseAnswer,
    ReleaseDialog,
    ReleaseLine,
    ReleaseList,
    ReleaseShown,
    ReleaseStep,
    ReleaseTimeline,
    Step,
    Unapproved,
    VoteLine,
)
from storage.records import Hears, ReleaseKind, ReleaseReason, ReleaseState, StartBy, Verdict
from tests.unit.wording import AT, ID, URL, WANTED

FORGE = "https://forge.example/acme/widgets"
COMMIT = "1f0c9d2ab34e5f60718293a4b5c6d7e8f9012345"
LATER = AT + timedelta(hours=24)


def finding(check: Check, level: Level, found: Found, **values: str) -> Finding:
    """Return a finding."""
    return Finding(check, level, found, values)


FINE = (
    finding(Check.VERSION, Level.FINE, Found.VERSION_FINE, version="1.4.0"),
    finding(Check.INDEX, Level.FINE, Found.INDEX_FREE),
    finding(Check.TAG, Level.FINE, Found.TAG_TO_MAKE, tag="v1.4.0", sha=COMMIT, branch="main"),
    finding(Check.METADATA, Level.FINE, Found.METADATA_EQUAL, version="1.4.0"),
    finding(Check.CI, Level.FINE, Found.CI_GREEN, passed="5"),
)
CHANGES = tuple(
    Change(f"{number}" * 40, f"Mend the {number}. gear", "carol", f"{FORGE}/commit/{number}")
    for number in range(1, 8)
)
REPORT = Report(
    findings=(
        *FINE,
        finding(Check.PUBLISHER, Level.WARNING, Found.PUBLISHER_OPEN, state="pending"),
        finding(Check.CHANGES, Level.UNKNOWN, Found.CHANGES_UNKNOWN, detail="the forge answered 502"),
    ),
    tag="v1.4.0",
    commit=COMMIT,
    make_tag=True,
    start=StartBy.PUSH,
    since="v1.3.0",
    changes=CHANGES,
    changes_total=12,
    changes_url=f"{FORGE}/compare/v1.3.0...{COMMIT}",
    contributors=("carol", "dave"),
    commit_url=f"{FORGE}/commit/{COMMIT}",
)
BLOCKED = replace(
    REPORT,
    findings=(
        finding(Check.INDEX, Level.BLOCKING, Found.INDEX_TAKEN, version="1.4.0", files="2"),
        finding(
            Check.FREEZE,
            Level.BLOCKING,
            Found.FREEZE_STANDS,
            reason="Holidays",
            until=AT.isoformat(),
            by="U2",
        ),
        *REPORT.findings,
    ),
)
POLICY = Policy(quorum=2, approvers=("S01MAINTAINERS", "U3"))
APPROVED = VoteLine("U2", Verdict.APPROVED, AT)
BROKEN = (
    JobSeen("build", "completed", "success"), JobSeen("docs", "completed", "cancelled", f"{FORGE}/actions/runs/7/job/1"),
    JobSeen("publish <3.11>", "completed", "failure", f"{FORGE}/actions/runs/7/job/2"),
)  # fmt: skip
ACTING = Progress(
    tag_made=True,
    started=True,
    run_url=f"{FORGE}/actions/runs/7",
    run_attempt=1,
    jobs=(JobSeen("build", "completed", "success"), JobSeen("publish", "waiting")),
)
VERIFIED = replace(
    ACTING,
    jobs=(JobSeen("build", "completed", "success"), JobSeen("publish", "completed", "success")),
    accepted_at=AT,
    installable_at=AT,
    downloadable_at=AT,
    attested_at=AT,
)
ASKED = ReleaseShown(
    release_id=ID,
    round=1,
    target=WANTED,
    index_url=URL,
    version="1.4.0",
    asked_by="U1",
    state=ReleaseState.AWAITING_APPROVAL,
    reason=ReleaseReason.CHECKED,
    detail="",
    notes="Gears turn both ways.\n\n* `spin()` takes a direction & a <speed>",
    report=REPORT,
    policy=POLICY,
    votes=(),
    progress=Progress(),
    since=AT,
    expires_at=LATER,
    repository_url=FORGE,
)


def standing(state: ReleaseState, reason: ReleaseReason, **more: object) -> ReleaseShown:
    """Return the release in another state."""
    return replace(ASKED, state=state, reason=reason, **more)  # type: ignore[arg-type]  # the dataclass's own fields


S, R = ReleaseState, ReleaseReason
ROOTS: dict[str, ReleaseShown] = {
    "release looking": standing(S.REQUESTED, R.ASKED, report=Report(), notes=""),
    "release asked": ASKED,
    "release asked anew, one approved": replace(ASKED, round=2, votes=(APPROVED,)),
    "release asked, groups": replace(
        ASKED, policy=Policy(one_of_each=("S1", "S2"), requester_counts=True), votes=(APPROVED, replace(APPROVED, user="U4"))
    ),
    "release blocked": standing(S.FAILED, R.BLOCKED, report=BLOCKED),
    "release scheduled": standing(S.APPROVED, R.QUORUM, votes=(APPROVED,), act_at=LATER),
    "release approved, glass broken": standing(
        S.APPROVED, R.BREAK_GLASS, votes=(VoteLine("U2", Verdict.BREAK_GLASS, AT, "Widgets are on fire."),)
    ),
    "release starting": standing(S.TAGGING, R.STARTED, votes=(APPROVED,)),
    "release publishing, reviewers wanted": standing(
        S.PUBLISHING, R.RUN_PUBLISHES, progress=replace(ACTING, waits_for="pypi", trouble="the forge answered 502")
    ),
    "release verifying": standing(S.VERIFYING, R.RUN_DONE, progress=replace(VERIFIED, downloadable_at=None, attested_at=None)),
    "release published": standing(
        S.PUBLISHED, R.VERIFIED, progress=VERIFIED, release_url=f"{URL}/project/acme-widgets/1.4.0/", votes=(APPROVED,)
    ),
    "release published, not verified": standing(
        S.PUBLISHED, R.NOT_VERIFIED, progress=replace(VERIFIED, attested_at=None, not_verified="1 file has no attestation")
    ),
    "release failed": standing(S.FAILED, R.RUN_FAILED, detail="publish", progress=replace(ACTING, jobs=BROKEN)),
    "release failed before it acted": standing(S.FAILED, R.FORGE_REFUSED, detail="it answered 403"),
    "release rejected": standing(
        S.REJECTED, R.REJECTED_BY_PERSON, detail="Docs first.", votes=(VoteLine("U2", Verdict.REJECTED, AT, "Docs first."),)
    ),
    "release cancelled": standing(S.CANCELLED, R.CANCELLED_BY_PERSON),
    "release expired": standing(S.EXPIRED, R.TERM_OVER),
    "release voided": standing(S.VOIDED, R.CHANGED, rehearsal="testpypi"),
}  # fmt: skip

UPLOADS = replace(
    REPORT,
    uploads=True,
    findings=(
        finding(
            Check.PUBLISHER, Level.WARNING, Found.UPLOAD_CREDENTIAL,
            project="acme-widgets", index="company", by="U9", scope="account",
        ),
        *REPORT.findings[:2],
    ),
)  # fmt: skip
ATTACHED = replace(
    UPLOADS,
    start=None,
    assets=(("acme_widgets-1.4.0-py3-none-any.whl", "0" * 64),),
    findings=(
        finding(
            Check.WORKFLOW, Level.WARNING, Found.UPLOAD_ASSETS,
            files="1", names="acme_widgets-1.4.0-py3-none-any.whl", digest="0" * 64,
        ),
        *UPLOADS.findings,
    ),
)  # fmt: skip
SENDING = replace(
    ACTING,
    jobs=(JobSeen("build", "completed", "success"),),
    expected=(("acme_widgets-1.4.0-py3-none-any.whl", "0" * 64), ("acme_widgets-1.4.0.tar.gz", "1" * 64)),
    expected_known=True,
    sent=("acme_widgets-1.4.0-py3-none-any.whl",),
)
UPLOADING: dict[str, ReleaseShown] = {
    "release asked, uploaded by the bot": replace(ASKED, report=UPLOADS),
    "release asked, files of the forge's release": replace(ASKED, report=ATTACHED),
    "release uploading": standing(S.PUBLISHING, R.FILES_FOUND, report=UPLOADS, progress=SENDING),
    "release uploading, files of the forge's release": standing(
        S.PUBLISHING, R.FILES_FOUND, report=ATTACHED, progress=replace(SENDING, jobs=(), run_url="")
    ),
    "release uploaded": standing(
        S.PUBLISHED, R.VERIFIED_UPLOAD, report=UPLOADS, release_url=f"{URL}/project/acme-widgets/1.4.0/",
        progress=replace(SENDING, accepted_at=AT, installable_at=AT, downloadable_at=AT),
    ),
    "release not uploaded": standing(
        S.FAILED, R.UPLOAD_LATE, report=UPLOADS, progress=SENDING,
        detail="acme_widgets-1.4.0.tar.gz: Uploading new files to releases older than 14 days is not allowed.",
    ),
}  # fmt: skip

YANK = replace(
    ASKED,
    kind=ReleaseKind.YANK,
    notes="It deletes <everything> & more.",
    report=Report(
        (
            finding(Check.INDEX, Level.FINE, Found.YANK_THERE, version="1.4.0", files="3", yanked="1"),
            finding(Check.INDEX, Level.WARNING, Found.YANK_LAST),
        )
    ),
)
PAGE = f"{URL}/manage/project/acme-widgets/release/1.4.0/"
YANKS: dict[str, ReleaseShown] = {
    "yank looking": replace(YANK, state=S.REQUESTED, reason=R.ASKED, report=Report()),
    "yank asked": YANK,
    "yank asked, one approved": replace(YANK, votes=(APPROVED,)),
    "yank blocked": replace(
        YANK, state=S.FAILED, reason=R.BLOCKED, report=Report((finding(Check.INDEX, Level.BLOCKING, Found.YANK_MISSING, version="1.4.0"),))
    ),
    "yank to be done": replace(YANK, state=S.VERIFYING, reason=R.PAGE_GIVEN, release_url=PAGE, votes=(APPROVED,)),
    "yank not done": replace(YANK, state=S.FAILED, reason=R.NOT_YANKED, release_url=PAGE, votes=(APPROVED,)),
    "yank done": replace(YANK, state=S.YANKED, reason=R.YANKED, release_url=PAGE, votes=(APPROVED,)),
    "yank rejected": replace(
        YANK, state=S.REJECTED, reason=R.REJECTED_BY_PERSON, detail="It is fine.", votes=(VoteLine("U2", Verdict.REJECTED, AT, "It is fine."),)
    ),
}  # fmt: skip

STEP = ReleaseStep(WANTED, URL, "1.4.0", Step.SHOWN, {"seats": "2"}, ("S01MAINTAINERS", "U3"))
FREEZE = FreezeLine("", AT, LATER, "Holidays", "U1")
LOCK = FreezeLine("acme-widgets", AT, None, "The build is broken.", "U2")
LINE = ReleaseLine("acme-widgets", "1.4.0", "company", S.PUBLISHED, AT, "U1", "C1")

NOTICES: dict[str, notices.Notice] = {
    "dialog": ReleaseDialog("view-1", ASKED),
    "dialog of none": ReleaseDialog("view-1", None),
    **ROOTS,
    **YANKS,
    **UPLOADING,
    "uploading, told": ReleaseTimeline(
        tuple(
            replace(STEP, step=step, people=(), values=values)
            for step, values in (
                (Step.BUILT, {"url": f"{FORGE}/actions/runs/7"}),
                (Step.FILES_CHECKED, {"files": "2", "bytes": "5242880"}),
                (
                    Step.FILE_UNFIT,
                    {"flaw": "climbs", "file": "acme_widgets-1.4.0.tar.gz", "detail": "'../x & <y>'"},
                ),
                (Step.FILE_UPLOADED, {"file": "acme_widgets-1.4.0.tar.gz", "number": "2", "files": "2"}),
                (Step.FILE_THERE, {"file": "acme_widgets-1.4.0.tar.gz", "number": "2", "files": "2"}),
                (Step.ACCEPTED, {"url": URL, "simple": "yes"}),
                (Step.PUBLISHED, {"url": URL, "files": "2", "uploaded": "yes"}),
            )
        )
    ),
    "yank step": replace(STEP, kind=ReleaseKind.YANK),
    "yank page": replace(
        STEP,
        kind=ReleaseKind.YANK,
        step=Step.YANK_PAGE,
        values={"url": PAGE, "reason": YANK.notes},
        people=(),
    ),
    "yank not counted": NotCounted("acme-widgets", "1.4.0", Denied.OWN_RELEASE, kind=ReleaseKind.YANK),
    "yanks": ReleaseList((replace(LINE, state=S.VERIFYING, kind=ReleaseKind.YANK),), 1, ""),
    "release step": STEP,
    "release step, elsewhere": replace(STEP, step=Step.RUN_FAILED, people=(), elsewhere="C1"),
    "channel hears nothing": HearsShown("C2", ()),
    "channel hears": HearsShown(
        "C2",
        (HearsLine("", Hears.FINAL, "U1", AT), HearsLine("acme-widgets", Hears.NOTHING, "U2", AT)),
        changed=True,
    ),
    "channel not told, guest": HearsShown("C2", (), refused="not_member"),
    "channel not told, unknown": HearsShown("C2", (), refused="cannot_tell", detail="it answered 502"),
    "release timeline": ReleaseTimeline(
        (replace(STEP, step=Step.ASKED, values={"by": "U1"}, people=()), STEP)
    ),
    "release answer": ReleaseAnswer("acme-widgets", "1.4.0", Heard.COUNTED, {"have": "1", "need": "2"}),
    "not counted": NotCounted("acme-widgets", "1.4.0", Denied.OWN_RELEASE),
    "not linked": NotCounted("acme-widgets", "1.4.0", Denied.NOT_LINKED, asked=True),
    "no push": NotCounted("acme-widgets", "1.4.0", Denied.NO_PUSH, "ada in acme/widgets: read"),
    "glass not broken": NotCounted("acme-widgets", "1.4.0", Denied.NOT_APPROVER, glass=True),
    "releases": ReleaseList((LINE, replace(LINE, state=S.FAILED)), 7, ""),
    "no releases": ReleaseList((), 0, "acme-widgets"),
    "policy": PolicyShown("", Policy(), of_project=False, freezes=()),
    "policy of a project, changed": PolicyShown(
        "acme-widgets",
        Policy(2, ("S1", "U2"), ("S1", "S2"), ("U9",), break_glass=("U1",), rehearsal="testpypi", watch=True),
        of_project=True,
        freezes=(FREEZE, LOCK),
        changed=True,
    ),
    "policy refused": PolicyRefused("not_admin"),
    "policy unreadable": PolicyRefused("unreadable", "Say yes or no."),
    "freeze": FreezeSet(FREEZE),
    "lock": FreezeSet(LOCK),
    "freeze lifted": FreezeSet(FREEZE, lifted=True, count=2),
    "one freeze lifted, another set since": FreezeSet(FREEZE, lifted=True, count=1, left=1),
    "no freeze lifted, others set since": FreezeSet(FREEZE, lifted=True, count=0, left=2),
    "no freeze to lift": FreezeSet(replace(LOCK, reason=""), lifted=True, count=0),
    "unapproved": Unapproved(WANTED, URL, "1.4.1", 2),
    "unapproved, asked for": Unapproved(WANTED, URL, "1.4.1", 1, S.AWAITING_APPROVAL),
}
