"""What Slack delivers, each in four moves: parse, write down, answer, ack.

Knows: Bolt, payloads, ids. Must not know: rules, SQL, wording (that is `blocks`).

Listeners are few, since Bolt looks through them one by one; routing is by table. With `process_before_response` the
ack is what a listener ends with, so nothing is acked that was not written.
"""

import json
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from uuid import uuid4

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext, AsyncBoltRequest
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.core import commands, intents, publisher_forms
from bot.core.names import Problem, parse_slug
from bot.core.parsed import OpenPolicyForm
from bot.core.publisher_forms import Form
from bot.core.sites import IndexSite
from bot.errors import NotInstalled
from bot.index import intake
from bot.index.intake import Intake
from bot.slack import clicks, filling
from bot.slack.blocks import (
    answers,
    base,
    connecting,
    credentials,
    dialogs,
    home,
    imports,
    policy_dialog,
    publisher_form,
    publishers,
    release_dialogs,
    releases,
    setup,
)
from bot.slack.blocks.forms import INDEX_CHOICE, View, errors
from bot.slack.events import Events
from bot.slack.leaving import Leaving
from bot.slack.ruling import Ruling
from bot.slack.visits import (
    Body,
    Reply,
    Visit,
    ephemeral,
    ephemeral_text,
    field_values,
    metadata,
    ticked,
    whose,
)
from bot.workflow.connecting import hashed
from bot.workflow.inlet import Inlet
from bot.workflow.menus import Menu
from storage.records import Registration

log = structlog.get_logger(__name__)

_FIELDS: Mapping[str, str] = MappingProxyType({"index": INDEX_CHOICE})
"""Fields of what was entered -> fields of the dialog, where they have other names."""


@dataclass(frozen=True, slots=True)
class Next:
    """The dialog that follows the one that was sent."""

    view: View


Answer = dict[str, str] | Next
"""What a dialog that was sent is answered with: Slack's inline errors by field (none: it closes), or the next one."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """The listeners on their concrete parts."""

    inlet: Inlet
    sites: Mapping[str, IndexSite]
    poll_seconds: float
    forge: str
    """The forge's web address."""
    connect_url: str = ""
    """Where people sign in on the forge; "" where that is not set up."""
    entry_url: str = ""
    """Where people enter secrets in the browser; "" where browsers don't reach this bot safely."""
    secrets_in_slack: bool = True
    menu: Menu | None = None
    """The repositories to choose from; None: they are typed."""
    public_url: str = ""
    """Where browsers reach us."""

    def attach(self, app: AsyncApp) -> None:
        """Register with Bolt: one listener for each kind of delivery, and the one error handler."""
        everything = re.compile(".*")
        app.command(everything)(self.on_command)
        app.action(everything)(self.on_action)
        app.view(everything)(self.on_view)
        app.options(everything)(self.on_options)
        Events(self.inlet, self.indexes, self.forge, self._publisher, self.public_url).attach(app)
        Leaving(self.inlet).attach(app)
        app.error(on_error)

    @property
    def indexes(self) -> tuple[str, ...]:
        """The names of the indexes that this bot serves."""
        return tuple(self.sites)

    @property
    def _ruling(self) -> Ruling:
        return Ruling(self.inlet, self.indexes)

    async def on_command(
        self,
        ack: AsyncAck,
        body: Body,
        context: AsyncBoltContext,
        client: AsyncWebClient,
        request: AsyncBoltRequest,
    ) -> None:
        """Answer a slash command."""
        typed = self._typed(str(body.get("channel_id", "")))
        parsed = commands.parse(str(body.get("command", "")), str(body.get("text", "")), typed)
        await ack(
            await self._answer(parsed, Visit(body, context, client, "x-slack-retry-num" in request.headers))
        )

    def _typed(self, channel: str) -> commands.Context:
        """Return what is read with what somebody typed."""
        return commands.Context(self.indexes, channel, self.forge, self.inlet.clock())

    async def _answer(self, parsed: commands.Parsed, visit: Visit) -> Reply | str:
        match parsed:
            case commands.ShowHelp():
                return ephemeral(answers.help_text(parsed.command))
            case commands.ShowSettings():
                return ephemeral(answers.settings(list(self.sites.values()), self.poll_seconds))
            case commands.Misspelt() | commands.Wrong() | commands.HoldsToken() | commands.NotYet():
                return ephemeral(answers.refusal(parsed))
            case commands.OpenPublisherForm():
                return await self._publisher(visit, parsed.typed)
            case (
                commands.OpenReleaseForm()
                | commands.OpenCredentials()
                | commands.OpenSignIn()
                | OpenPolicyForm()
            ):
                return await self._open(parsed, visit)
            case _:
                fresh = await self.inlet.put(visit.wish(parsed))
                return (
                    ephemeral_text(answers.WORKING)
                    if fresh and isinstance(parsed, intents.AddPublisher | intents.ImportOwner)
                    else ""
                )

    async def _open(
        self,
        parsed: commands.OpenReleaseForm | commands.OpenCredentials | commands.OpenSignIn | OpenPolicyForm,
        visit: Visit,
    ) -> Reply | str:
        if isinstance(parsed, commands.OpenSignIn):
            return await self._sign_in(visit)
        if isinstance(parsed, OpenPolicyForm):
            return await self._ruling.open(visit, parsed.project)
        if isinstance(parsed, commands.OpenCredentials):
            site = self.sites.get(parsed.index)
            granting = site is not None and site.oauth1 is not None
            return await (self._grant if granting else self._credentials)(visit, parsed.index)
        return await visit.open(release_dialogs.release_form(parsed.typed, self.indexes, visit.channel))

    async def _sign_in(self, visit: Visit) -> Reply | str:
        """Give the link with its state at once: it is written nowhere, only its hash is."""
        if not self.connect_url:
            return ephemeral(connecting.not_set_up())
        state = secrets.token_urlsafe(32)
        wish = visit.wish(intents.ConnectGithub(hashed(state), visit.caller))
        if not await self.inlet.put(wish):
            return ""  # the first delivery was answered with the link
        return ephemeral(connecting.offered(f"{self.connect_url}?state={state}"))

    async def _grant(self, visit: Visit, index: str) -> Reply | str:
        """Give the link on which an index grants access, as `_sign_in` does."""
        state = secrets.token_urlsafe(32)
        if not await self.inlet.put(visit.wish(intents.ConnectIndex(index, hashed(state), visit.caller))):
            return ""
        url = f"{self.public_url}/indexes/{index}/connect?state={state}"
        return ephemeral(connecting.offered_index(index, url))

    async def _credentials(self, visit: Visit, index: str) -> Reply | str:
        """Open the dialog as "loading" before the trigger dies; the engine fills it."""
        external_id = uuid4().hex
        failed = await visit.open(dialogs.loading(external_id))
        if not failed:
            await self.inlet.put(visit.wish(intents.ShowCredentials(external_id, index)))
        return failed

    async def _entry_page(self, visit: Visit) -> None:
        """Give the link with its state at once: it is written nowhere, only its hash is."""
        if not self.entry_url:
            await visit.open(credentials.page_missing(), above=visit.in_dialog)
            return
        state = secrets.token_urlsafe(32)
        if await self.inlet.put(visit.wish(intents.OpenEntryPage(hashed(state), "", visit.caller))):
            await visit.open(
                credentials.page_offered(f"{self.entry_url}?state={state}"), above=visit.in_dialog
            )

    async def _setup(self, visit: Visit, publisher: str) -> None:
        """Open the dialog as "loading" before the trigger dies; the engine looks at the repository and fills it."""
        external_id = uuid4().hex
        if not await visit.open(setup.loading(external_id)):
            await self.inlet.put(visit.wish(intents.ShowSetup(external_id, publisher)))

    async def _choices(self, visit: Visit, imported: str) -> None:
        """Open the dialog as "loading" before the trigger dies; the engine fills it with an import's packages."""
        external_id = uuid4().hex
        if not await visit.open(imports.loading(external_id)):
            await self.inlet.put(visit.wish(intents.ShowImport(external_id, imported)))

    async def _publisher(self, visit: Visit, typed: Mapping[str, str]) -> Reply | str:
        """Open the dialog; with a repository it is read first, and the engine fills the dialog."""
        form = publisher_forms.begun(uuid4().hex, typed, self.indexes, visit.channel)
        reads = parse_slug(form.fields["repository"], forge=self.forge) is not None
        form = replace(form, reading=reads)
        failed, state = await visit.opened(self._form(form))
        if reads and not failed:
            await self.inlet.put(visit.wish(intents.FillPublisherForm(form, state)))
        return failed

    async def _publisher_changed(self, visit: Visit, action: Body) -> None:
        """Take what was chosen or typed: a repository is read, anything else is looked at."""
        form = filling.standing(visit.body)
        if filling.holds_token(form):
            await visit.change(self._form(form, commands.registration(form.fields, self.indexes, self.forge)))
            return
        known = parse_slug(form.fields["repository"], forge=self.forge) is not None
        form = replace(form, reading=form.reading or (known and filling.reads(action)))
        state = str(visit.body["view"].get("hash") or "")
        if form.reading:
            # Shown at once, so that nothing is typed where the repository's words are going to stand.
            state = await visit.change(self._form(form))
        await self.inlet.put(visit.wish(intents.FillPublisherForm(form, state), channel=form.channel))

    def _form(self, form: Form, said: Registration | tuple[Problem, ...] = ()) -> View:
        problems = said if isinstance(said, tuple) else ()
        looked = publisher_forms.Looked(problems)
        shown = publisher_forms.PublisherFormShown(
            filling.without_tokens(form), looked, self.indexes, self.menu is not None
        )
        return publisher_form.form(shown)

    async def on_options(self, ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
        """Offer repositories to whoever types in the menu."""
        typed = str(body.get("value") or "")[:200]
        found = await self.menu.search(whose(context)[0], context.user_id or "", typed) if self.menu else ()
        await ack(options=publisher_form.options(found, typed))

    async def on_action(
        self, ack: AsyncAck, body: Body, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Take a click, or what was done in a field that tells of it."""
        visit = Visit(body, context, client)
        action = next(iter(body.get("actions") or [{}]))
        if filling.is_form(body):
            await self._publisher_changed(visit, action)
        else:
            name, value = str(action.get("action_id", "")), clicks.value_of(action)
            if not await self._ruling.clicked(visit, name, value):
                await self._clicked(visit, name, value)
        await ack()

    async def _clicked(self, visit: Visit, name: str, value: str) -> None:
        if name in {publishers.OPEN_CREDENTIALS, credentials.PAGE, dialogs.OPEN_PUBLISHER, home.OPEN_RELEASE}:
            await self._opened(visit, name, value)
        elif publisher := clicks.opens_setup(name, value):
            await self._setup(visit, publisher)
        elif imported := clicks.opens_import(name, value):
            await self._choices(visit, imported)
        elif release := clicks.looks_at(name, value):
            await self._release(visit, release)
        elif page := clicks.turns(name, value):
            await self.inlet.put(visit.wish(intents.OpenHome(page, visit.view_hash)))
        elif question := clicks.asks_first(name, value, visit.channel):
            await visit.open(question, above=visit.in_dialog)
        elif intent := clicks.clicked(name, value):
            await self._wanted(visit, intent)

    async def _opened(self, visit: Visit, name: str, value: str) -> None:
        """Open what a button is for that means no more than that."""
        if name == publishers.OPEN_CREDENTIALS:
            await self._credentials(visit, value if value in self.indexes else "")
        elif name == credentials.PAGE:
            await self._entry_page(visit)
        elif name == dialogs.OPEN_PUBLISHER:
            await self._publisher(visit, {})
        else:
            typed = clicks.release_wanted(value)
            await visit.open(release_dialogs.release_form(typed, self.indexes, visit.channel))

    async def _wanted(self, visit: Visit, intent: intents.Intent) -> None:
        """Write down what a button means; a dialog that shows the release is shown anew after it."""
        await self.inlet.put(visit.wish(intent))
        carried = metadata(visit.body) if visit.in_dialog else {}
        if show := clicks.shows_after(intent, carried.get("dialog", "")):
            await visit.change(home.counting(show.view_id))
            await self.inlet.put(visit.wish(show, after="shown"))

    async def _release(self, visit: Visit, release: str) -> None:
        """Open the dialog as "loading" before the trigger dies; the engine fills it with the release."""
        external_id = uuid4().hex
        if not await visit.open(home.loading(external_id)):
            await self.inlet.put(visit.wish(intents.ShowRelease(external_id, release)))

    async def on_view(
        self, ack: AsyncAck, body: Body, context: AsyncBoltContext, client: AsyncWebClient
    ) -> None:
        """Take a dialog that was sent."""
        visit = Visit(body, context, client)
        handlers: Mapping[str, Callable[[Visit, Mapping[str, str]], Awaitable[Answer]]] = {
            dialogs.ADD_PUBLISHER: self._publisher_sent,
            credentials.ADD: self._credential_sent,
            credentials.KEEP: self._credential_kept,
            release_dialogs.ASK: self._release_sent,
            releases.REJECT: self._decision_sent,
            releases.BREAK_GLASS: self._decision_sent,
            setup.PULL: self._setup_sent,
            setup.CONFIRM: self._confirm_sent,
            imports.CHOOSE: self._import_chosen,
            imports.CONFIRM: self._import_confirmed,
            policy_dialog.SAVE: self._ruling.saved,
            policy_dialog.FROZEN: self._ruling.frozen,
        }
        handler = handlers.get(str(body["view"].get("callback_id", "")))
        answer = await handler(visit, field_values(body)) if handler else {}
        if isinstance(answer, Next):
            await ack(response_action="update", view=dict(answer.view))
        elif answer:
            await ack(response_action="errors", errors=answer)
        elif body["view"].get("previous_view_id"):
            await ack(response_action="clear")  # what lies below shows how it stood before
        else:
            await ack()

    async def _publisher_sent(self, visit: Visit, typed: Mapping[str, str]) -> dict[str, str]:
        places = filling.blocks_of(visit.body["view"])
        fields = {name: typed.get(place, "") for name, place in places.items()}
        if any(name not in places for name in publisher_forms.READ):
            return {places["repository"]: publisher_form.STILL_READING}
        wanted = commands.registration(fields, self.indexes, self.forge)
        channel = fields.get("channel") or metadata(visit.body).get("channel", "")
        if not isinstance(wanted, Registration):
            return publisher_form.errors(wanted, places)
        if not channel:
            return {"channel": "Choose the channel that is told."}
        await self.inlet.put(visit.wish(intents.AddPublisher(wanted, channel)))
        return {}

    async def _credential_sent(self, visit: Visit, typed: Mapping[str, str]) -> Answer:
        if not typed.get("token", "").strip():
            return {}
        if not self.secrets_in_slack:
            return {
                "token": "Secrets are not entered in Slack here. Revoke this one, and use the page for a new one."
            }
        found = intake.take({**typed, "index": typed.get(INDEX_CHOICE, "")}, self.sites, self.inlet.clock())
        if not isinstance(found, Intake):
            return errors(found, _FIELDS)
        entry, seen = str(uuid4()), metadata(visit.body).get("seen", "").split(",")
        wanted = intents.EnterCredential(entry, found.index, found.project, found.kind, tuple(seen))
        await self.inlet.put(visit.wish(wanted, found.secrets))
        return Next(credentials.entered(found, entry))

    async def _credential_kept(self, visit: Visit, typed: Mapping[str, str]) -> dict[str, str]:
        found = clicks.kept(metadata(visit.body), typed)
        if isinstance(found, dict):
            return found
        await self.inlet.put(visit.wish(found))
        return {}

    async def _release_sent(self, visit: Visit, typed: Mapping[str, str]) -> dict[str, str]:
        index = typed.get(INDEX_CHOICE, "")
        fields = {name: typed.get(name, "") for name in ("project", "version", "notes", "at", "override")}
        fields["index"] = "" if index == release_dialogs.ANY_INDEX else index
        channel = metadata(visit.body).get("channel", "")
        wanted = commands.release_request(fields, self._typed(channel))
        if not isinstance(wanted, intents.AskRelease):
            return errors(wanted, _FIELDS)
        await self.inlet.put(visit.wish(wanted, channel=channel))
        return {}

    async def _decision_sent(self, visit: Visit, typed: Mapping[str, str]) -> dict[str, str]:
        carried = metadata(visit.body)
        found = clicks.decided(str(visit.body["view"].get("callback_id", "")), carried, typed)
        if isinstance(found, dict):
            return found
        await self.inlet.put(visit.wish(found, channel=carried.get("channel", "")))
        return {}

    async def _setup_sent(self, visit: Visit, typed: Mapping[str, str]) -> dict[str, str]:
        carried = metadata(visit.body)
        found = clicks.setup_sent(carried, typed)
        if isinstance(found, dict):
            return found
        await self.inlet.put(visit.wish(found, channel=carried.get("channel", "")))
        return {}

    async def _confirm_sent(self, visit: Visit, _typed: Mapping[str, str]) -> dict[str, str]:
        carried = metadata(visit.body)
        await self.inlet.put(visit.wish(clicks.confirms(carried), channel=carried.get("channel", "")))
        return {}

    async def _import_chosen(self, visit: Visit, _typed: Mapping[str, str]) -> Answer:
        """Return the question after the dialog: nothing is written yet."""
        carried, chosen = metadata(visit.body), clicks.numbers(ticked(visit.body))
        if not chosen:
            return {f"{imports.PICK}-0": "Tick at least one."}
        site = self.sites.get(carried.get("index", ""))
        by_hand = site is not None and site.publisher_api is False
        return Next(imports.confirm(carried, chosen, visit.context.user_id or "", by_hand=by_hand))

    async def _import_confirmed(self, visit: Visit, _typed: Mapping[str, str]) -> dict[str, str]:
        carried = metadata(visit.body)
        wish = visit.wish(clicks.import_confirmed(carried), channel=carried.get("channel", ""))
        await self.inlet.put(wish)
        return {}


async def on_error(error: Exception, body: Body) -> BoltResponse:
    """Answer for everything that goes wrong before the ack: nothing was written, and the person is told so."""
    if isinstance(error, BoltUnhandledRequestError):
        return BoltResponse(status=200, body="")  # an event that we did not ask for
    if isinstance(error, NotInstalled):
        return _nobodys(error, body)
    log.error("delivery not written", error=type(error).__name__, exc_info=error)
    if body.get("type") == "event_callback":
        return BoltResponse(status=503, body="")  # Slack delivers events again
    return _told(answers.out_of_order(), body)


def _nobodys(error: NotInstalled, body: Body) -> BoltResponse:
    """Answer a delivery of a workspace that the app is not in: a person is told how it comes there."""
    log.warning("delivery of nobody's", team=str(body.get("team_id") or "")[:32])
    if body.get("type") == "event_callback":
        return BoltResponse(status=200, body="")  # repeating it would not help
    return _told(answers.not_installed(error.install_url), body)


def _told(said: base.Message, body: Body) -> BoltResponse:
    if body.get("type") == "view_submission":
        blocks = [dict(block) for block in said.blocks]
        view = {"type": "modal", "title": base.plain("Nothing was done", 24), "blocks": blocks}
        return BoltResponse(status=200, body=json.dumps({"response_action": "update", "view": view}))
    return BoltResponse(status=200, body=json.dumps(ephemeral(said)))
