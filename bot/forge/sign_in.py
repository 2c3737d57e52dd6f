"""Finds out who somebody is on the forge, by the code that a browser brought back.

Knows: what is asked in which order. Must not know: httpx, what an answer means.

The person's token is used for one question, and then thrown away.
"""

from dataclasses import dataclass

from bot.core.forge import AccountFacts, Nothing, Unsure
from bot.errors import TransportError
from bot.forge import oauth, refusals
from bot.forge.sending import Send
from storage.records import Secret


@dataclass(frozen=True, slots=True)
class SignIn:
    """Signing in with one App. It fulfils `bot.workflow.ports.Accounts`."""

    send: Send
    api_url: str
    web_url: str
    client: tuple[str, Secret]
    """The App's client id and secret."""
    redirect_uri: str

    def page(self, state: str, verifier: str) -> str:
        """Return the page on which somebody signs in."""
        return oauth.authorize_page(self.web_url, self.client[0], self.redirect_uri, state, verifier)

    async def account(self, code: str, verifier: str) -> AccountFacts | Nothing | Unsure:
        """Return whose the code is."""
        try:
            wanted = oauth.exchange(self.web_url, self.client, code, verifier, self.redirect_uri)
            token = oauth.read_exchange(await self.send(wanted))
            if isinstance(token, Unsure):
                return token
            return oauth.read_who(await self.send(oauth.who_is(self.api_url, token)))
        except TransportError as error:
            return refusals.unanswered(error, acting=False)
