"""A forge in memory: tags, releases, workflow runs whose jobs advance when told, deployments that wait, faults.

It does what a forge does and keeps a list of every act; it lies about nothing, but may be out of order, and may lose
an answer before or after it has acted.
"""
# ruff: noqa: ARG002 - a fake is given all that the protocol gives

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO, TypeVar

from bot.core.forge import (
    ActOutcome,
    ArtifactFacts,
    ArtifactsOutcome,
    Asset,
    BuiltFile,
    BuiltOutcome,
    ChecksFacts,
    ChecksOutcome,
    CommitFacts,
    CommitOutcome,
    Compared,
    CompareOutcome,
    Conclusion,
    Done,
    Exists,
    Fetched,
    FetchOutcome,
    ForgeRelease,
    HeadFacts,
    HeadOutcome,
    Invalid,
    JobFacts,
    JobsOutcome,
    Nothing,
    ReleaseOutcome,
    Repo,
    RunFacts,
    RunOutcome,
    RunsOutcome,
    TagFacts,
    TagOutcome,
    TextOutcome,
    Unsure,
    WaitingDeployment,
    WaitingOutcome,
)
from storage.records import StartBy

T = TypeVar("T")
AT = datetime(2026, 11, 20, tzinfo=UTC)
TRIGGERS = {StartBy.PUSH: "push", StartBy.RELEASE: "release", StartBy.DISPATCH: "workflow_dispatch"}
WORKFLOW = """on: [{triggers}]
jobs:
  build:
    runs-on: ubuntu-latest
  publish:
    runs-on: ubuntu-latest
    environment: pypi
    permissions:
      id-token: write
"""
STAGES = ("queued", "building", "built", "publishing", "over")
"""How far a run is; between `built` and `publishing` it waits for a review, where there is one."""
GATE = STAGES.index("built")
OVER = STAGES.index("over")


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was done to the forge and can't be taken back."""

    kind: str
    """`tag`, `release`, `dispatch`, `rerun` or `deployment`."""
    slug: str
    tag: str
    sha: str
    """The commit that the act was for: where the tag pointed, or of the run."""


@dataclass
class Run:
    """One run of the workflow."""

    id: int
    event: str
    sha: str
    ref: str
    attempt: int = 1
    stage: int = 0
    seen: bool = False
    """A run is listed a moment after it was asked for."""
    reviewed: bool = False
    conclusion: Conclusion = Conclusion.UNDER_WAY
    failures: int = 0
    """Attempts that are still to fail."""


@dataclass
class Code:
    """One repository."""

    starts: frozenset[StartBy]
    head: str = "a" * 40
    review: bool = True
    may_approve: bool = True
    failures: int = 0
    """Attempts of each new run that fail."""
    tags: dict[str, str] = field(default_factory=dict)
    releases: set[str] = field(default_factory=set)
    runs: list[Run] = field(default_factory=list)
    red: bool = False
    """Whether CI failed on the newest commit."""
    builds: dict[str, bytes] | None = None
    """What a run keeps, where it only builds and publishes nothing; None: it publishes what `built_at` says."""
    attached: dict[str, bytes] = field(default_factory=dict)
    """What is attached to each release."""


@dataclass
class FakeForge:
    """Fulfils `ports.Forge`."""

    published: Callable[[str, str, str], None] = lambda _slug, _tag, _sha: None
    """Called when a run has published."""
    codes: dict[str, Code] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    down: bool = False
    lost: dict[str, bool] = field(default_factory=dict)
    """Method -> whether the next call of it arrives before its answer is lost."""
    at_once: bool = False
    """Whether a run is listed as soon as it was asked for."""
    ids: int = 0

    # What happens there without the bot.

    def add(self, slug: str, *starts: StartBy) -> Code:
        """Add a repository whose workflow starts so."""
        code = self.codes[slug] = Code(frozenset(starts))
        return code

    def advance(self) -> bool:
        """Let everything that is under way go one step on; False where all stands still."""
        moved = [self._advance(slug, code, run) for slug, code in self.codes.items() for run in code.runs]
        return any(moved)

    def _advance(self, slug: str, code: Code, run: Run) -> bool:
        if not run.seen:
            run.seen = True
            return True
        if run.stage == OVER or (run.stage == GATE and code.review and not run.reviewed):
            return False
        run.stage += 1
        if run.stage == OVER:
            failed = run.failures > 0
            run.failures -= failed
            run.conclusion = Conclusion.FAILURE if failed else Conclusion.SUCCESS
            if not failed and code.builds is None:
                self.published(slug, run.ref, run.sha)
        return True

    def _start(self, code: Code, event: StartBy, tag: str) -> None:
        if event in code.starts:
            self.ids += 1
            code.runs.append(
                Run(self.ids, str(event), code.tags[tag], tag, seen=self.at_once, failures=code.failures)
            )

    def count(self, kind: str, slug: str) -> int:
        """Return how often something was done to a repository."""
        return sum(act.kind == kind and act.slug == slug for act in self.acts)

    # What it answers.

    def _answer(self, repo: Repo, give: Callable[[Code], T]) -> T | Nothing | Unsure:
        if self.down:
            return Unsure("The forge is out of order.")
        code = self.codes.get(repo.slug)
        return Nothing() if code is None else give(code)

    def _act(self, method: str, repo: Repo, do: Callable[[Code], ActOutcome]) -> ActOutcome:
        if self.down:
            return Unsure("The forge is out of order.")
        arrives = self.lost.pop(method, None)
        if arrives is False:
            return Unsure("The request was lost.", arrived_maybe=True)
        done = do(self.codes[repo.slug])
        return done if arrives is None else Unsure("The answer was lost.", arrived_maybe=True)

    async def head(self, repo: Repo) -> HeadOutcome:
        """Return the newest commit."""
        return self._answer(repo, lambda code: HeadFacts("main", _commit(code.head)))

    async def commit(self, repo: Repo, ref: str) -> CommitOutcome:
        """Return a commit."""
        return self._answer(repo, lambda _code: _commit(ref))

    async def tag(self, repo: Repo, tag: str) -> TagOutcome:
        """Return a tag."""

        def give(code: Code) -> TagFacts | Nothing:
            return TagFacts(tag, code.tags[tag], annotated=True) if tag in code.tags else Nothing()

        return self._answer(repo, give)

    async def text(self, repo: Repo, path: str, ref: str) -> TextOutcome:
        """Return the workflow; there is no other file."""

        def give(code: Code) -> str | Nothing:
            if not path.endswith("release.yml"):
                return Nothing()
            return WORKFLOW.format(triggers=", ".join(sorted(TRIGGERS[way] for way in code.starts)))

        return self._answer(repo, give)

    async def checks(self, repo: Repo, sha: str) -> ChecksOutcome:
        """Return what CI says; the jobs of runs are among it, as on a real forge."""

        def give(code: Code) -> ChecksFacts:
            jobs = [(job, run) for run in code.runs if run.sha == sha for job in _jobs(run)]
            failed = [job.name for job, _ in jobs if job.conclusion is Conclusion.FAILURE]
            passed = [job.name for job, _ in jobs if job.conclusion is Conclusion.SUCCESS]
            pending = [job.name for job, _ in jobs if job.conclusion is Conclusion.UNDER_WAY]
            red = ["tests"] if code.red and sha == code.head else []
            green = [] if red else ["tests"]
            runs = tuple((job.name, run.id) for job, run in jobs)
            return ChecksFacts((*green, *passed), (*red, *failed), tuple(pending), runs)

        return self._answer(repo, give)

    async def compare(self, repo: Repo, base: str, head: str) -> CompareOutcome:
        """Return what lies between two refs."""
        between = Compared(1, (_commit(head),), ("carol",), f"https://forge/{base}...{head}")
        return self._answer(repo, lambda _code: between)

    async def release(self, repo: Repo, tag: str) -> ReleaseOutcome:
        """Return the forge's release of a tag."""

        def give(code: Code) -> ForgeRelease | Nothing:
            files = tuple(
                Asset(name, at, len(content), hashlib.sha256(content).hexdigest())
                for at, (name, content) in enumerate(code.attached.items())
            )
            pairs = tuple((one.name, one.sha256) for one in files)
            made = ForgeRelease(f"https://forge/releases/{tag}", False, False, pairs, files)
            return made if tag in code.releases else Nothing()

        return self._answer(repo, give)

    async def make_tag(self, repo: Repo, tag: str, sha: str, message: str) -> ActOutcome:
        """Make a tag, which may start a run."""

        def do(code: Code) -> ActOutcome:
            if tag in code.tags:
                return Exists()
            code.tags[tag] = sha
            self.acts.append(Act("tag", repo.slug, tag, sha))
            self._start(code, StartBy.PUSH, tag)
            return Done(f"https://forge/tags/{tag}")

        return self._act("make_tag", repo, do)

    async def make_release(
        self, repo: Repo, tag: str, name: str, body: str, *, prerelease: bool
    ) -> ActOutcome:
        """Make a release, which may start a run."""

        def do(code: Code) -> ActOutcome:
            if tag in code.releases:
                return Exists()
            if tag not in code.tags:
                return Invalid("There is no such tag.")
            code.releases.add(tag)
            self.acts.append(Act("release", repo.slug, tag, code.tags[tag]))
            self._start(code, StartBy.RELEASE, tag)
            return Done(f"https://forge/releases/{tag}")

        return self._act("make_release", repo, do)

    async def dispatch(
        self, repo: Repo, workflow: str, ref: str, inputs: Mapping[str, str] | None = None
    ) -> ActOutcome:
        """Start the workflow at a tag, as often as it is asked for."""

        def do(code: Code) -> ActOutcome:
            if ref not in code.tags:
                return Invalid("No ref found.")
            self.acts.append(Act("dispatch", repo.slug, ref, code.tags[ref]))
            self._start(code, StartBy.DISPATCH, ref)
            return Done()

        return self._act("dispatch", repo, do)

    async def runs(self, repo: Repo, workflow: str, sha: str, event: str) -> RunsOutcome:
        """Return the runs of a commit and event, newest first."""

        def give(code: Code) -> tuple[RunFacts, ...]:
            found = [run for run in code.runs if run.seen and run.sha == sha and run.event == event]
            return tuple(_run(run, waits=code.review) for run in reversed(found))

        return self._answer(repo, give)

    async def run(self, repo: Repo, run_id: int) -> RunOutcome:
        """Return one run."""
        return self._of(repo, run_id, lambda code, run: _run(run, waits=code.review))

    async def jobs(self, repo: Repo, run_id: int) -> JobsOutcome:
        """Return the jobs of a run."""
        return self._of(repo, run_id, lambda _code, run: _jobs(run))

    async def waiting(self, repo: Repo, run_id: int) -> WaitingOutcome:
        """Return what waits for a review."""

        def give(code: Code, run: Run) -> tuple[WaitingDeployment, ...]:
            if not _waits(run, waits=code.review):
                return ()
            return (WaitingDeployment("pypi", 7, code.may_approve, ("dana",)),)

        return self._of(repo, run_id, give)

    async def approve(
        self, repo: Repo, run_id: int, environment_ids: tuple[int, ...], comment: str
    ) -> ActOutcome:
        """Approve what waits."""

        def do(code: Code) -> ActOutcome:
            run = next(one for one in code.runs if one.id == run_id)
            if not _waits(run, waits=code.review):
                return Invalid("No pending deployment requests to approve or reject.")
            run.reviewed = True
            self.acts.append(Act("deployment", repo.slug, run.ref, run.sha))
            return Done()

        return self._act("approve", repo, do)

    async def rerun(self, repo: Repo, run_id: int) -> ActOutcome:
        """Run a failed run again."""

        def do(code: Code) -> ActOutcome:
            run = next(one for one in code.runs if one.id == run_id)
            if run.conclusion is not Conclusion.FAILURE:
                return Exists("The workflow run is already running.")
            run.attempt, run.stage, run.reviewed = run.attempt + 1, GATE, False
            run.conclusion = Conclusion.UNDER_WAY
            self.acts.append(Act("rerun", repo.slug, run.ref, run.sha))
            return Done()

        return self._act("rerun", repo, do)

    async def log_tail(self, repo: Repo, job_id: int) -> TextOutcome:
        """Return the end of a log."""
        return self._answer(repo, lambda _code: "Error: it broke")

    async def artifacts(self, repo: Repo, run_id: int) -> ArtifactsOutcome:
        """Return what a run has kept."""
        kept = lambda _code, run: (ArtifactFacts(run.id, "dist", 1, "", expired=False),)  # noqa: E731
        return self._of(repo, run_id, kept)

    async def built(self, repo: Repo, artifact_id: int) -> BuiltOutcome:
        """Return the files of an artifact."""
        return self._of(repo, artifact_id, lambda _code, run: built_at(repo.name, run.ref, run.sha))

    async def save_artifact(self, repo: Repo, artifact_id: int, into: BinaryIO) -> FetchOutcome:
        """Give what a run has kept, as a zip."""

        def give(code: Code, _run: Run) -> Fetched:
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as making:
                for name, content in (code.builds or {}).items():
                    making.writestr(f"dist/{name}", content)
            return _given(packed.getvalue(), into)

        return self._of(repo, artifact_id, give)

    async def save_asset(self, repo: Repo, asset_id: int, into: BinaryIO) -> FetchOutcome:
        """Give what is attached to a release."""
        return self._answer(repo, lambda code: _given(list(code.attached.values())[asset_id], into))

    def _of(self, repo: Repo, run_id: int, give: Callable[[Code, Run], T]) -> T | Nothing | Unsure:
        def found(code: Code) -> T | Nothing:
            run = next((one for one in code.runs if one.id == run_id), None)
            return Nothing() if run is None else give(code, run)

        answer: T | Nothing | Unsure = self._answer(repo, found)
        return answer


def built_at(project: str, tag: str, sha: str) -> tuple[BuiltFile, ...]:
    """Return what a run of this project builds at a commit."""
    version = tag.removeprefix("v")
    names = (f"{project}-{version}.tar.gz", f"{project}-{version}-py3-none-any.whl")
    return tuple(BuiltFile(name, f"{index}{sha[:8]}".ljust(64, "0"), 10) for index, name in enumerate(names))


def _given(content: bytes, into: BinaryIO) -> Fetched:
    into.write(content)
    into.seek(0)
    return Fetched(hashlib.sha256(content).hexdigest(), len(content))


def _commit(sha: str) -> CommitFacts:
    return CommitFacts(sha, "Mend a gear", "carol", f"https://forge/commit/{sha}")


def _waits(run: Run, *, waits: bool) -> bool:
    return waits and run.stage == GATE and not run.reviewed


def _run(run: Run, *, waits: bool) -> RunFacts:
    status = "completed" if run.stage == OVER else "waiting" if _waits(run, waits=waits) else "in_progress"
    url = f"https://forge/runs/{run.id}"
    return RunFacts(
        run.id, run.attempt, run.event, run.sha, run.ref, "release.yml", status, run.conclusion, url, AT
    )


def _jobs(run: Run) -> tuple[JobFacts, ...]:
    build = ("queued", "in_progress", "completed", "completed", "completed")[run.stage]
    publish = ("queued", "queued", "waiting", "in_progress", "completed")[run.stage]
    built = Conclusion.SUCCESS if build == "completed" else Conclusion.UNDER_WAY
    url = f"https://forge/runs/{run.id}/jobs"
    return (
        JobFacts(run.id * 10, "build", build, built, url),
        JobFacts(run.id * 10 + 1, "publish", publish, run.conclusion, url),
    )
