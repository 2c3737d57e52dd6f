"""Asks an index's OAuth 1.0a facility, signed.

Knows: which request is signed with what, and that each signature needs a time and a nonce of its own. Must not know:
what an answer means, how a signature is made.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from bot.core.distributions import Distribution
from bot.core.oauth1 import (
    Accepted,
    AccessOutcome,
    AddedOutcome,
    Grant,
    ReleaseFields,
    TokenOutcome,
    TokenPair,
)
from bot.core.outcomes import TryLater, UploadOutcome, UploadRefused
from bot.core.sites import IndexSite, OAuth1Consumer
from bot.errors import TransportError
from bot.index import oauth1
from bot.index.holding import unanswered
from bot.index.signing import Stamp, signed
from bot.wire import Answer, Request
from storage.records import ReleaseReason, Secret

Send = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Grants:
    """The facilities of all indexes that the settings give a consumer for. No method raises for what an index does.

    It fulfils `bot.workflow.ports.IndexGrants`. KeyError for an index without a consumer.
    """

    send: Send
    sites: Mapping[str, IndexSite]
    clock: Callable[[], datetime]
    nonce: Callable[[], str]

    def page(self, index: str, pair: TokenPair, callback: str) -> str:
        """Return the page on which a person says yes or no."""
        return oauth1.authorise_page(self.sites[index], pair.token, callback)

    async def request_token(self, index: str) -> TokenOutcome:
        """Ask for a request token."""
        site, at = self.sites[index], self.clock()
        answer = await self._asked(site, oauth1.request_token_request(site), None, at)
        return answer if isinstance(answer, TryLater) else oauth1.read_token(answer, at, _hidden(site, None))

    async def access_token(self, index: str, pair: TokenPair) -> TokenOutcome:
        """Ask for the access token of whoever has said yes."""
        site, at = self.sites[index], self.clock()
        answer = await self._asked(site, oauth1.access_token_request(site), pair, at)
        return answer if isinstance(answer, TryLater) else oauth1.read_token(answer, at, _hidden(site, pair))

    async def whose(self, index: str, pair: TokenPair) -> AccessOutcome:
        """Ask whose an access token is."""
        site, at = self.sites[index], self.clock()
        answer = await self._asked(site, oauth1.whose_request(site), pair, at)
        return answer if isinstance(answer, TryLater) else oauth1.read_test(answer, at, _hidden(site, pair))

    async def add_release(self, index: str, pair: TokenPair, release: ReleaseFields) -> AddedOutcome:
        """Make or change a release; may be repeated, since it comes to the same."""
        site, at = self.sites[index], self.clock()
        answer = await self._asked(site, oauth1.add_release_request(site, release), pair, at)
        return answer if isinstance(answer, TryLater) else oauth1.read_added(answer, at, _hidden(site, pair))

    async def upload(
        self, index: str, grant: Grant, file: Distribution, content: BinaryIO, seconds: float
    ) -> UploadOutcome:
        """Tell the release that a file is of, unless that was done, then send the file, once; a lost answer is looked for."""
        pair = grant.pair
        if self.sites[index].oauth1 is None:
            return UploadRefused(
                ReleaseReason.UPLOAD_NO_SUCH_API, "the settings give no consumer for it any more"
            )
        told = Accepted() if grant.told else await self.add_release(index, pair, oauth1.release_fields(file))
        if not isinstance(told, Accepted):
            # Nothing of the file was sent, whatever became of its release.
            return replace(told, arrived_maybe=False) if isinstance(told, TryLater) else oauth1.uploaded(told)
        site, at = self.sites[index], self.clock()
        answer = await self._asked(site, oauth1.upload_request(site, file, content, seconds), pair, at)
        return answer if isinstance(answer, TryLater) else oauth1.read_sent(answer, at, _hidden(site, pair))

    async def _asked(
        self, site: IndexSite, request: Request, pair: TokenPair | None, at: datetime
    ) -> Answer | TryLater:
        try:
            return await self.send(signed(request, _consumer(site), pair, Stamp(at, self.nonce())))
        except TransportError as error:
            return unanswered(error)


def _consumer(site: IndexSite) -> OAuth1Consumer:
    if site.oauth1 is None:
        raise KeyError(site.name)
    return site.oauth1


def _hidden(site: IndexSite, pair: TokenPair | None) -> tuple[Secret, ...]:
    """Return what an answer must not repeat to anybody."""
    return (_consumer(site).consumer_secret, *((pair.token, pair.secret) if pair else ()))
