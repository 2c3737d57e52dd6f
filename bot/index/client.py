"""Asks the package indexes.

Knows: which protocol sends what, who is asked. Must not know: what an answer means.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from bot.core.distributions import Distribution
from bot.core.oauth1 import Grant
from bot.core.outcomes import (
    Absent,
    AttestationOutcome,
    ByHand,
    DownloadOutcome,
    FeedName,
    FeedOutcome,
    ListOutcome,
    Login,
    NotOffered,
    ProvenanceOutcome,
    RegisterOutcome,
    SimpleOutcome,
    UploadOutcome,
    VersionOutcome,
)
from bot.core.sites import IndexSite
from bot.errors import TransportError
from bot.index import attestations, feeds, files, forms, project_api, publisher_api, simple_api, upload
from bot.index.grants import Grants
from bot.index.holding import Holder, unanswered
from bot.pacing import Paces
from bot.transport import Transport
from bot.wire import Hashed, Request
from storage.records import Registration, Secret


class IndexClient:
    """All indexes that the settings name. No method raises for what an index does; outcomes are values.

    `trust_root` is a Sigstore `trusted_root.json` by which attestations are verified; None: the public Sigstore's.
    """

    def __init__(  # noqa: PLR0913 - all but the first three are keywords that are seldom given
        self,
        transport: Transport,
        sites: Mapping[str, IndexSite],
        clock: Callable[[], datetime],
        *,
        timeout: float = publisher_api.TIMEOUT,
        download_timeout: float = files.TIMEOUT,
        trust_root: Path | None = None,
        paces: Paces | None = None,
    ) -> None:
        """Take how to send, whom to ask, and where the pauses that hosts ask for are kept with other processes; None: there are none."""
        self._sender = Holder(transport.send, transport.hash, clock, paces)
        self._sites = sites
        self._clock = clock
        self._timeout, self._download_timeout = timeout, download_timeout
        self._trust = attestations.Trust(trust_root)
        self.grants = Grants(self._sender.send, sites, clock, secrets.token_hex)
        """The indexes' OAuth facilities, asked under the same pauses."""

    def names(self) -> tuple[str, ...]:
        """Return the names of the indexes that are served."""
        return tuple(self._sites)

    def site(self, name: str) -> IndexSite:
        """Return what is known of an index; KeyError for an unknown name."""
        return self._sites[name]

    def by_hand(self, registration: Registration, project_exists: bool | None) -> ByHand:  # noqa: FBT001 - a fact
        """Return how a person registers it in a browser; None: nobody knows whether the project is there."""
        return forms.by_hand(self.site(registration.index), registration, project_exists=project_exists)

    async def register(self, registration: Registration, token: Secret) -> RegisterOutcome:
        """Ask the index to register a publisher; an index known to have no such API never sees the token."""
        site = self.site(registration.index)
        if site.publisher_api is False:
            return NotOffered()
        try:
            answer = await self._sender.send(
                publisher_api.register_request(site, registration, token, self._timeout)
            )
        except TransportError as error:
            return unanswered(error)
        return publisher_api.read_register(answer, token)

    async def publishers(self, index: str, project: str, token: Secret) -> ListOutcome:
        """Ask for the index's own list of a project's publishers."""
        site = self.site(index)
        if site.publisher_api is False:
            return NotOffered()
        request = publisher_api.list_request(site, project, token, self._timeout)
        try:
            answer = await self._sender.send(request)
        except TransportError as error:
            return unanswered(error)
        return publisher_api.read_list(answer, request.url, self._clock(), token)

    async def simple(self, index: str, project: str, etag: str = "") -> SimpleOutcome:
        """Look a project up in the simple index."""
        request = simple_api.simple_request(self.site(index), project, etag, self._timeout)
        try:
            answer = await self._sender.send(request)
        except TransportError as error:
            return unanswered(error)
        return simple_api.read_simple(answer, request.url, self._clock())

    async def provenance(self, index: str, url: str) -> ProvenanceOutcome:
        """Read who published an attested file; an address elsewhere is not asked and counts as absent."""
        request = simple_api.provenance_request(self.site(index), url, self._timeout)
        if request is None:
            return Absent()
        try:
            answer = await self._sender.send(request)
        except TransportError as error:
            return unanswered(error)
        return simple_api.read_provenance(answer, request.url, self._clock())

    async def feed(self, index: str, name: FeedName, etag: str = "", modified: str = "") -> FeedOutcome:
        """Read one of the index's feeds; one whose feeds must not be read has none."""
        site = self.site(index)
        if not site.feeds:
            return Absent()
        try:
            answer = await self._sender.send(feeds.feed_request(site, name, etag, modified, self._timeout))
        except TransportError as error:
            return unanswered(error)
        return feeds.read_feed(answer)

    async def version(self, index: str, project: str, version: str) -> VersionOutcome:
        """Look one version up in the project JSON."""
        request = project_api.version_request(self.site(index), project, version, self._timeout)
        try:
            answer = await self._sender.send(request)
        except TransportError as error:
            return unanswered(error)
        return project_api.read_version(answer, project, version)

    async def download(self, index: str, url: str) -> DownloadOutcome:
        """Read a file to its end and hash it; an address that may not be asked counts as absent."""
        site = self.site(index)
        request = files.file_request(site, url, self._download_timeout)
        if request is None:
            return Absent()
        try:
            hashed = await self._hashed(site, request, files.MOST_HOPS)
        except TransportError as error:
            return unanswered(error)
        return files.read_file(hashed)

    async def _hashed(self, site: IndexSite, request: Request, hops: int) -> Hashed:
        """Hash a file, wherever so many redirects lead."""
        hashed = await self._sender.hash(request)
        onward = files.onward_request(site, request, hashed.answer) if hops else None
        return hashed if onward is None else await self._hashed(site, onward, hops - 1)

    async def upload(
        self, index: str, file: Distribution, content: BinaryIO, login: Login | Grant, seconds: float
    ) -> UploadOutcome:
        """Send one file, once, by a login or a grant; where its answer is lost it may have arrived, and a look must tell."""
        if isinstance(login, Grant):
            return await self.grants.upload(index, login, file, content, seconds)
        request = upload.upload_request(self.site(index), file, content, login, seconds)
        try:
            answer = await self._sender.send(request)
        except TransportError as error:
            return unanswered(error)
        return upload.read_upload(self.site(index), answer, login)

    async def attested(
        self, index: str, provenance_url: str, filename: str, sha256: str
    ) -> AttestationOutcome:
        """Fetch a file's attestation and verify it; an address elsewhere is not asked and counts as absent."""
        request = simple_api.provenance_request(self.site(index), provenance_url, self._timeout)
        if request is None:
            return Absent()
        try:
            answer = await self._sender.send(request)
        except TransportError as error:
            return unanswered(error)
        return await asyncio.to_thread(
            attestations.read_attested, answer, request.url, filename, sha256, self._trust
        )
