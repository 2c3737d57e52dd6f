"""Looking through an owner's repositories for packages: which there are, what each says, which environments it has.

Knows: which is asked first, so that as few requests as possible are. Must not know: Slack, HTTP, what is lacking.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.core import importing as decide
from bot.core.forge import Nothing, Repo, Unsure
from bot.core.importing import Candidate, Place, Places, Sight
from bot.core.names import Slug, parse_slug
from bot.core.outcomes import Present, TryLater
from bot.core.proposals import Noted, PublisherProposal, Seen, propose
from bot.core.publishers import found_in_list
from bot.core.repositories import Repositories, RepositorySummary
from bot.core.sites import IndexSite
from bot.workflow.gathering import SILENT, within
from bot.workflow.picking import Picking
from bot.workflow.ports import Catalog, Index, Setting
from storage.records import Reason, Secret

SLOW = TryLater(Reason.TIMED_OUT, "the index did not answer in time")
PYTHON = "python"
SIGNS = frozenset({"pyproject.toml", "setup.py", "setup.cfg"})
"""Files at a repository's root that say that it is Python."""
DYNAMIC = "setup.py or setup.cfg names it, which can't be read without running code: add it by hand"
NAMELESS: Mapping[Noted, str] = {
    Noted.PYPROJECT_UNREAD: "its pyproject.toml could not be read",
    Noted.PYPROJECT_BROKEN: "its pyproject.toml is no TOML",
    Noted.NAME_NOT_TOLD: "its pyproject.toml names no project",
    Noted.NAME_REFUSED: "no index takes the name in its pyproject.toml",
}


@dataclass(frozen=True, slots=True)
class Scouting:
    """Fulfils `bot.workflow.importing.Scout` on a forge and the settings' indexes."""

    catalog: Catalog
    picking: Picking
    forge: Setting
    sites: Mapping[str, IndexSite]

    async def places(self, owner: str) -> Places | Nothing | Unsure:
        """Return the repositories of an owner ("": all that are seen) that may hold packages."""
        found = await self.catalog.repositories(owner)
        return _places(found) if isinstance(found, Repositories) else found

    async def sights(self, place: Place, index: str) -> tuple[Sight, ...] | Nothing | Unsure:
        """Return the packages of a repository, as they would be set up on an index; Nothing where there is no Python in it."""
        repo = Repo(place.owner, place.repository)
        if not place.python:
            # One request for what is hardly ever Python, instead of a look at everything.
            root = await within(self.forge.files(repo, "", place.branch), SILENT)
            if not isinstance(root, tuple) or not SIGNS & set(root):
                return root if isinstance(root, Unsure) else Nothing()
        seen = await self.picking.look(repo)
        silence = _silence(seen)
        if silence is not None:
            return silence
        proposal = propose(seen, repo.slug, self.sites, index)
        environment_there = (
            await self._environment(repo, proposal.environment) if proposal.publishes else None
        )
        if isinstance(environment_there, Unsure):
            return environment_there
        return _sights(place, seen, proposal, environment_there=environment_there)

    async def _environment(self, repo: Repo, name: str) -> bool | Unsure | None:
        found = await within(self.forge.environments(repo), SILENT)
        if isinstance(found, tuple):
            return any(one.name.lower() == name.lower() for one in found)
        return found if isinstance(found, Unsure) and found.retry_after else None


async def judged(index: Index, name: str, sight: Sight, token: Secret | None) -> Candidate:
    """Judge a package by what an index shows; with a token also by the index's own list, where it has one."""
    site = index.site(name)
    about, wanted = (name, site.publisher_api), decide.registration(sight, name)
    if not sight.project:
        return decide.judge(sight, about, None)
    simple = await within(index.simple(name, wanted.project), SLOW)
    if token is None or site.publisher_api is False or not isinstance(simple, Present):
        return decide.judge(sight, about, simple)
    found = await within(index.publishers(name, wanted.project, token), SLOW)
    return decide.judge(sight, about, simple, listed=found_in_list(wanted, found) is not None)


def _places(found: Repositories) -> Places:
    alive = [one for one in found.found if not one.archived and not one.fork]
    archived = sum(one.archived for one in found.found)
    places = tuple(place for place in map(_place, alive) if place is not None)
    return Places(places, archived, len(found.found) - len(alive) - archived, found.missing)


def _place(one: RepositorySummary) -> Place | None:
    slug = parse_slug(one.full_name)
    if slug is None:
        return None
    return Place(slug.owner, slug.repository, one.default_branch, one.language.lower() == PYTHON, one.private)


def _silence(seen: Seen) -> Nothing | Unsure | None:
    """Return what there is instead of a look; None where there is one."""
    if seen.repository.exists is None:
        return Unsure(seen.repository.detail)
    if not seen.repository.exists:
        return Nothing()
    return seen.paths if isinstance(seen.paths, Unsure) else None


def _sights(
    place: Place, seen: Seen, proposal: PublisherProposal, *, environment_there: bool | None
) -> tuple[Sight, ...]:
    slug = parse_slug(proposal.slug) or Slug(place.owner, place.repository)
    facts = next((one.facts for one in seen.workflows if one.name == proposal.workflow), None)
    names = [package.name for package in proposal.packages] or [""]
    return tuple(
        Sight(
            name, slug.owner, slug.repository, proposal.workflow, proposal.environment, proposal.publishes,
            facts.has_id_token_write if facts is not None else None, environment_there, place.private,
            "" if name else _nameless(proposal),
        )
        for name in names
    )  # fmt: skip


def _nameless(proposal: PublisherProposal) -> str:
    return next((NAMELESS[note.what] for note in proposal.notes if note.what in NAMELESS), DYNAMIC)
