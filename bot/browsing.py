"""Which pages people see in the browser, on their concrete parts.

Knows: the settings, every page. Must not know: routes, wording, a single decision.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.routing import Route

from bot import values
from bot.connect import ConnectPages, GrantPages
from bot.core.status_links import CALLBACK
from bot.entering import EntryPages
from bot.settings import Settings
from bot.slack.clients import Clients
from bot.slack.openid import App
from bot.slack.sign_in import SlackSignIn
from bot.visiting import StatusPages, absent
from bot.wire import Answer, Request
from bot.workflow.connecting import Connecting
from bot.workflow.entering import Entering
from bot.workflow.gate import Gate
from bot.workflow.granting import Granting
from bot.workflow.looking import Looking
from bot.workflow.ports import Accounts, Clock, Index, IndexGrants, People
from bot.workflow.visiting import Named, Visiting
from storage.database import Database


@dataclass(frozen=True, slots=True)
class Browsing:
    """What the pages are made of."""

    settings: Settings
    database: Database
    index: Index
    grants: IndexGrants
    clock: Clock
    people: People
    told: Callable[[], None]
    """Called after something was put into the outbox."""

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by https."""
        return self.settings.public_url.startswith("https://")

    @property
    def entry_url(self) -> str:
        """Where people enter secrets; "" where somebody on the way could read them."""
        url = self.settings.public_url
        return f"{url}/credentials/enter" if values.is_safe(url) else ""

    def signing_in(self, accounts: Accounts | None) -> list[Route]:
        """Return the pages on which people sign in on the forge; None: nobody can."""
        if accounts is None:
            return []
        connecting = Connecting(self.database, accounts, self.clock, self.settings.github_web_url, self.told)
        return ConnectPages(connecting, self.secure).routes()

    def entering(self) -> list[Route]:
        """Return the pages on which people enter secrets; none where somebody on the way could read them."""
        if not self.entry_url:
            return []
        gate = Gate(self.database, self.people, self.clock)
        return EntryPages(
            Entering(self.database, self.index, self.clock, gate, self.told), self.secure
        ).routes()

    def visiting(
        self, send: Callable[[Request], Awaitable[Answer]], people: People, clients: Clients, named: Named
    ) -> list[Route]:
        """Return the status page; where nobody can sign in, pages that say so. `named` says how workspaces are called."""
        told = self.settings
        if told.slack_client_secret is None:
            return absent()
        redirect_uri = f"{told.public_url.rstrip('/')}{CALLBACK}"
        app = App(told.slack_api_url, told.slack_client_id, told.slack_client_secret, redirect_uri)
        signing_in = SlackSignIn(send, app, self.clock)
        visits = Visiting(self.database, signing_in, people, self.clock, clients.serves, named)
        return StatusPages(visits, Looking(self.database, people, self.clock), self.secure).routes()

    def granting(self) -> list[Route]:
        """Return the pages on which indexes grant access; none where no index has the facility."""
        names = tuple(name for name, site in self.settings.indexes.items() if site.oauth1 is not None)
        granting = Granting(
            self.database,
            self.grants,
            names,
            self.clock,
            Gate(self.database, self.people, self.clock),
            self.settings.public_url,
            self.told,
        )
        return GrantPages(granting, self.secure).routes() if names else []
