"""Reading a repository, so that a publisher's fields can be proposed.

Knows: which files are asked for, in which order. Must not know: Slack, HTTP, what a file means for a publisher.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.core.forge import CommitFacts, Nothing, Repo, TextOutcome, Unsure
from bot.core.names import DEFAULT_WORKFLOW
from bot.core.proposals import (
    LONGEST,
    PYPROJECT,
    WORKFLOWS,
    PublisherProposal,
    Seen,
    WorkflowSeen,
    propose,
    pyprojects,
    workflow_files,
)
from bot.core.repositories import RepositoryFacts, Tree
from bot.core.sites import IndexSite
from bot.forge.uploading import uploads
from bot.forge.workflow_file import read_workflow
from bot.workflow.gathering import SILENT, within
from bot.workflow.ports import Reading

UNSEEN = RepositoryFacts(exists=None, detail="The forge did not answer in time.")
AT_ONCE = 4
"""Files of one repository that are asked for at the same time."""
GONE = "It was not there any more."
TOO_LONG = "It is too long to be read."


@dataclass(frozen=True, slots=True)
class Picking:
    """Reads repositories of one forge."""

    forge: Reading

    async def proposal(
        self, repo: Repo, sites: Mapping[str, IndexSite], index: str = ""
    ) -> PublisherProposal:
        """Return what a repository proposes for an index ("": for the one that it publishes to); it may run twice."""
        return propose(await self.look(repo), repo.slug, sites, index)

    async def look(self, repo: Repo) -> Seen:
        """Read all that tells how a repository's packages are published; what could not be had says so."""
        facts = await within(self.forge.look(repo.owner, repo.name, DEFAULT_WORKFLOW), UNSEEN)
        if facts.exists is not True:
            return Seen(facts)
        commit = await within(self.forge.commit(repo, facts.branch), SILENT)
        if not isinstance(commit, CommitFacts):
            return Seen(facts, commit)
        found = await within(self.forge.tree(repo, commit.sha), SILENT)
        # What has too many files to be listed is looked at where packages mostly are.
        tree = found if isinstance(found, Tree) else Tree((PYPROJECT, WORKFLOWS + DEFAULT_WORKFLOW), cut=True)
        seen = Seen(facts, tree.paths, tree.cut)
        return await self._read(repo, commit.sha, seen, guessed=not isinstance(found, Tree))

    async def _read(self, repo: Repo, sha: str, seen: Seen, *, guessed: bool) -> Seen:
        paths = seen.paths if isinstance(seen.paths, tuple) else ()
        packages, names = pyprojects(paths)[0], workflow_files(paths)[0]
        turns = asyncio.Semaphore(AT_ONCE)

        async def text(path: str) -> TextOutcome:
            async with turns:
                return await within(self.forge.text(repo, path, sha), SILENT)

        wanted = (*packages, *(WORKFLOWS + name for name in names))
        read = dict(zip(wanted, await asyncio.gather(*map(text, wanted)), strict=True))
        if guessed:
            read = {path: found for path, found in read.items() if not isinstance(found, Nothing)}
        return replace(
            seen,
            paths=tuple(read) if guessed else paths,
            texts={path: read[path] for path in packages if path in read},
            workflows=tuple(
                _workflow(name, read[WORKFLOWS + name]) for name in names if WORKFLOWS + name in read
            ),
        )


def _workflow(name: str, text: TextOutcome) -> WorkflowSeen:
    match text:
        case Nothing():
            return WorkflowSeen(name, detail=GONE)
        case Unsure(detail):
            return WorkflowSeen(name, detail=detail)
        case str() if len(text) > LONGEST:
            return WorkflowSeen(name, detail=TOO_LONG)
        case _:
            return WorkflowSeen(name, read_workflow(text), uploads(text))
