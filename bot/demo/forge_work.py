"""What the jobs of a run do: build, keep artifacts, publish, and fail where they are told to.

Knows: the order of these, and a job's log. Must not know: when a job runs.
"""

from dataclasses import dataclass

import aiohttp

from bot.demo.forge_oidc import Issuer
from bot.demo.forge_publish import (
    Attest,
    JobFailed,
    Target,
    build,
    confirm,
    exchange,
    identity,
    target_of,
    upload,
    zipped,
)
from bot.demo.forge_runs import Artifact, Job, Run
from bot.demo.forge_state import ForgeState, Repository

CLAIMS = ("repository", "repository_owner", "repository_owner_id", "job_workflow_ref", "environment", "ref")
"""What the `confirm` job of a proposed workflow prints."""
NO_ID_TOKEN = (
    "##[error]Trusted publishing exchange failure: OpenID Connect token retrieval failed: GitHub: missing or "
    "insufficient OIDC token permissions, the ACTIONS_ID_TOKEN_REQUEST_TOKEN environment variable was unset"
)


@dataclass(slots=True)
class Failure:
    """How the next runs of a job end badly."""

    slug: str
    job: str
    times: int
    log: str
    uploads: int
    """How many files it uploads before."""


class Worker:
    """Does what jobs do."""

    def __init__(self, state: ForgeState, issuer: Issuer) -> None:
        self.indexes: dict[str, tuple[str, str]] = {}
        """(URL, upload URL) by `owner/name:environment`, `owner/name`, environment, or "" for all others."""
        self.attest: Attest | None = None
        """Makes a file's attestation from its name, content and the job's claims."""
        self._state = state
        self._issuer = issuer
        self._failures: list[Failure] = []
        self._http: aiohttp.ClientSession | None = None

    def fail_next(
        self, slug: str, job: str = "publish", *, times: int = 1, log: bytes = b"", uploads: int = 0
    ) -> None:
        """Let a job of a repository fail the next `times`, its log ending so, after so many uploads."""
        text = log.decode(errors="replace") or "##[error]Process completed with exit code 1."
        self._failures.append(Failure(slug.lower(), job, times, text, uploads))

    async def _work(self, repository: Repository, run: Run, job: Job) -> None:
        """Do what a job does; JobFailed where that ends badly."""
        job.say(self._state.clock(), "Current runner version: '2.330.0'")
        for name in job.plan.step_names[1:-1]:
            job.say(self._state.clock(), f"##[group]{name}\n##[endgroup]")
        failure = self._struck(repository, job)
        if job.plan.publishing is not None:
            await self._publish(repository, run, job, failure)
        if job.plan.confirms and failure is None:
            await self._confirm(repository, run, job)
        if failure is not None:
            raise JobFailed(failure.log)
        if job.plan.artifact is not None:
            self._keep(repository, run, job)

    def _keep(self, repository: Repository, run: Run, job: Job) -> None:
        files = build(repository.history.commits[run.sha], run.branch)
        name = str((job.plan.artifact or {}).get("name") or "artifact")
        run.artifacts = [one for one in run.artifacts if one.name != name]
        run.artifacts.append(Artifact(self._state.next_id(), name, zipped(files), self._state.clock()))
        job.say(self._state.clock(), f"Artifact {name} has been successfully uploaded!")

    async def _confirm(self, repository: Repository, run: Run, job: Job) -> None:
        """Exchange the job's identity with the index, and tell the claims that count."""
        if self._http is None:
            raise JobFailed("##[error]The runner has received a shutdown signal.")
        claims = identity(self._state, self._issuer, repository, run, job)
        for name in CLAIMS:
            job.say(self._state.clock(), f"claim {name}: {claims.get(name, '')}")
        job.say(self._state.clock(), "::add-mask::***")
        told = job.plan.told("INDEX")
        target = Target(told, told) if told else target_of(self.indexes, repository.slug, job)
        await confirm(self._http, target, claims, self._issuer.sign)
        job.say(self._state.clock(), "::add-mask::***")

    async def _publish(self, repository: Repository, run: Run, job: Job, failure: Failure | None) -> None:
        files = list(build(repository.history.commits[run.sha], run.branch).items())
        files = files if failure is None else files[: failure.uploads]
        if not files:
            return
        if not job.plan.id_token:
            raise JobFailed(NO_ID_TOKEN)
        if self._http is None:
            raise JobFailed("##[error]The runner has received a shutdown signal.")
        target = target_of(self.indexes, repository.slug, job)
        claims = identity(self._state, self._issuer, repository, run, job)
        try:
            token = await exchange(self._http, target, claims, self._issuer.sign)
            job.say(self._state.clock(), f"Uploading distributions to {target.upload_url}")
            for name, content in files:
                attestation = self.attest(name, content, claims) if self.attest is not None else None
                await upload(self._http, target, token, (name, content), attestation)
                job.say(self._state.clock(), f"Uploading {name}")
        except aiohttp.ClientError as broken:
            raise JobFailed(f"##[error]{type(broken).__name__}: the index could not be reached.") from broken

    def _struck(self, repository: Repository, job: Job) -> Failure | None:
        for failure in self._failures:
            if failure.times and (failure.slug, failure.job) == (repository.slug.lower(), job.plan.key):
                failure.times -= 1
                return failure
        return None
