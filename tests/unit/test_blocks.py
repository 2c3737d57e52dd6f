"""Everything the bot says: snapshot by snapshot, inside Slack's limits, escaped."""

import dataclasses
import json
from typing import Any

import pytest
from slack_sdk.models.blocks import Block
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from bot import codec
from bot.core import commands, connect_notices, install_notices, intents, notices
from bot.core import credential_notices as life
from bot.core.approvals import Denied
from bot.core.credentials import Reminder
from bot.core.names import Problem
from bot.core.outcomes import ByHand
from bot.core.publisher_forms import Looked, PublisherFormShown, begun
from bot.core.release_notices import LinksShown
from bot.core.secrets import INDEX_TOKEN
from bot.core.sites import IndexSite
from bot.index import tokens
from bot.index.intake import Intake
from bot.slack.blocks import (
    answers,
    base,
    connecting,
    credentials,
    dialogs,
    imports,
    policy_dialog,
    publisher_form,
    publishers,
    release_dialogs,
)
from bot.slack.blocks.forms import INDEX_CHOICE, View
from bot.slack.blocks.render import MESSAGES, VIEWS
from storage.records import CredentialKind, EvidenceKind, Hears, PublisherState, Reason, Secret
from tests.unit import (
    confirm_examples,
    form_examples,
    health_examples,
    import_examples,
    policy_examples,
    release_examples,
    rules_examples,
    setup_examples,
)
from tests.unit.form_examples import BEGUN, SEVERAL, shown
from tests.unit.wording import AT, HOSTILE, ID, URL, WANTED, marked_up, problems, rendered, told, wild

FORM = ByHand(
    f"{URL}/form?a=1&b=2", prefilled=False, fields=(("PyPI Project Name", "acme-widgets"), ("Owner", "acme"))
)
PREFILLED = dataclasses.replace(FORM, prefilled=True)
LINE = notices.PublisherLine(WANTED, PublisherState.PENDING, AT, "C1")
FACT = notices.EvidenceLine(EvidenceKind.INDEX, f"{URL}/list", AT)
CREDENTIAL = notices.CredentialLine("id-1", "company", "API token", "U1", AT, AT, 3, AT)
OF_PROJECT = dataclasses.replace(
    CREDENTIAL,
    project="acme-widgets",
    refused_at=None,
    last_purpose="upload of acme-widgets",
    account_wide=True,
)
LOGIN = dataclasses.replace(OF_PROJECT, kind=CredentialKind.PASSWORD, account_wide=None, last_used_at=None)
UNNEEDED = life.TokenUnneeded(ID, "company", "acme-widgets", whole_team=False, token_page=f"{URL}/tokens")
CARRIED = {"release": ID, "round": "1", "project": "acme-widgets", "version": "1.4.0"}

NOTICES: dict[str, notices.Notice] = {
    "install ends": install_notices.InstallEnds(AT, f"{URL}/slack/install", "invalid_refresh_token"),
    "install, nothing done": install_notices.Welcome("", "", ""),
    "install, no App yet": install_notices.Welcome("", "C1", "", signs_in=False, org_wide=True),
    "install, one left": install_notices.Welcome("ada", "", "acme-widgets"),
    "install, all done": install_notices.Welcome("ada", "C1", "acme-widgets"),
    "channel archived": install_notices.ChannelGone("C1", "channel_archive", ("acme-widgets 1.4.0", "gears")),
    "channel deleted": install_notices.ChannelGone("C1", "group_deleted", ("acme-widgets 1.4.0",)),
    "channel lost without a word": install_notices.ChannelGone("C1", "channel_lost", ("acme-widgets 1.4.0",)),
    "channel left": install_notices.ChannelGone("C1", "channel_left", ("gears",)),
    "install lacks scopes": install_notices.ScopesMissing(("users:read", "im:write"), f"{URL}/slack/install"),
    "pending": notices.PublisherPending(WANTED, URL, "U1", AT, by_hand=False),
    "pending by hand": notices.PublisherPending(WANTED, URL, "U1", AT, by_hand=True),
    "by hand": notices.PublisherByHand(ID, WANTED, URL, "U1", FORM),
    "by hand, pre-filled": notices.PublisherByHand(ID, WANTED, URL, "U1", PREFILLED),
    "by hand, for an organization": notices.PublisherByHand(ID, WANTED, URL, "U1", FORM, organization=True),
    "queued": notices.PublisherQueued(ID, WANTED, URL, "U1", 2, 3, ("gears", "gizmos", "gadgets")),
    "failed": notices.PublisherEnded(
        ID, WANTED, URL, "U1", PublisherState.FAILED, Reason.TOKEN_INVALID, "", FORM
    ),
    "conflict": notices.PublisherEnded(
        ID, WANTED, URL, "U1", PublisherState.CONFLICT, Reason.ALREADY_PENDING, "it is taken", FORM
    ),
    "delayed": notices.PublisherDelayed(WANTED, URL, "U1", Reason.INDEX_BROKEN, "it answered 503", AT),
    "confirmed": notices.PublisherConfirmed(
        WANTED, URL, "U1", EvidenceKind.INDEX, f"{URL}/list?name=a&b", AT
    ),
    "confirmed, appeared": notices.PublisherConfirmed(
        WANTED, URL, "U1", EvidenceKind.APPEARED, f"{URL}/simple/a/", AT
    ),
    "reminder": notices.PublisherReminder(WANTED, URL, "U1", AT),
    "expired": notices.PublisherExpired(ID, WANTED, URL, "U1", AT, FORM),
    "removed": notices.PublisherRemoved(WANTED, "U1", f"{URL}/manage"),
    "list": notices.PublisherList((LINE,), 1),
    "empty list": notices.PublisherList((), 0),
    "status": notices.PublisherStatus(LINE, URL, Reason.REGISTERED, "", 3, AT, AT, (FACT,)),
    "already open": notices.AlreadyOpen(LINE, WANTED),
    "project known": notices.ProjectKnown(WANTED),
    "unknown": notices.UnknownProject("acme-widget", "acme-widgets"),
    "moved on": notices.NoLongerPossible(LINE),
    "credentials": notices.CredentialsShown("view-1", (CREDENTIAL,), ("company", "pypi"), "company"),
    "credentials with codes": notices.CredentialsShown("view-1", (), ("company",), "company", codes=True),
    "no credentials": notices.CredentialsShown("view-1", (), ("pypi",), ""),
    "credentials of projects": notices.CredentialsShown(
        "view-1",
        (OF_PROJECT, dataclasses.replace(OF_PROJECT, expires_at=AT), LOGIN),
        ("pypi",),
        "",
        typed=False,
    ),
    "saved": notices.CredentialSaved("company", replaced=False),
    "saved, narrowed": notices.CredentialSaved("company", True, "acme-widgets", narrowed=True),
    "saved password": notices.CredentialSaved("company", False, "", CredentialKind.PASSWORD),
    "entry ended": life.EntryEnded(),
    "credential denied to a guest": life.CredentialDenied(Denied.GUEST),
    "overtaken": life.CredentialOvertaken("company", "acme-widgets", "U1", AT),
    "credential refused": life.CredentialRefused("company", "", AT, f"{URL}/tokens", "no <such> token"),
    **{
        f"reminder {what}": life.CredentialReminder(
            "company", "acme-widgets", what, AT, AT, AT, f"{URL}/tokens", 181
        )
        for what in Reminder
    },
    "grant refused": life.CredentialRefused("company", "", AT, URL, "Invalid access token", granted=True),
    "reminder of a grant": life.CredentialReminder(
        "company", "", Reminder.OLD, AT, None, AT, URL, 181, granted=True
    ),
    "unneeded": UNNEEDED,
    "unneeded, the team's": dataclasses.replace(UNNEEDED, whole_team=True),
    "status with a token": notices.PublisherStatus(
        dataclasses.replace(LINE, state=PublisherState.CONFIRMED),
        URL,
        Reason.EVIDENCE,
        "",
        3,
        None,
        None,
        (FACT,),
        unneeded=UNNEEDED,
    ),
    "revoked": notices.CredentialRevoked("company", f"{URL}/tokens", was_live=True),
    "revoked grant": notices.CredentialRevoked("company", URL, was_live=True, granted=True),
    "revoked before": notices.CredentialRevoked("company", "", was_live=False),
    "broke down": notices.BrokeDown("0b6f2f0e"),
    "linked": connect_notices.GithubLinked("ada", "https://github.com/ada"),
    "unlinked": connect_notices.GithubUnlinked("ada"),
    "not linked before": connect_notices.GithubUnlinked(""),
    **form_examples.FORMS,
    "index connected": connect_notices.IndexConnected("company", "demo"),
    "index connected anew": connect_notices.IndexConnected("company", "demo", replaced=True),
    **release_examples.NOTICES,
    **setup_examples.NOTICES,
    **confirm_examples.NOTICES,
    **health_examples.NOTICES,
    **import_examples.NOTICES,
    **rules_examples.NOTICES,
    **policy_examples.NOTICES,
}

FACTS = tokens.TokenFacts(
    "pypi.org",
    (
        tokens.User("u-1"),
        tokens.Expires(None, AT),
        tokens.Expires(None, None),
        tokens.Unknown('[9, "<b>"]'),
    ),
)
BOUND = tokens.TokenFacts(
    "", (tokens.Projects(("acme-widgets", "acme")), tokens.ProjectIds(("1",)), tokens.Publisher("p"))
)
TAKEN = Intake("company", "", CredentialKind.API_TOKEN, Secret("s3cret"), None, FACTS)
ENTERED = {
    "wide": TAKEN,
    "wide, for a project": dataclasses.replace(TAKEN, project="acme-widgets"),
    "bound": dataclasses.replace(TAKEN, facts=BOUND),
    "unlimited": dataclasses.replace(TAKEN, facts=tokens.TokenFacts("", ())),
    "opaque": dataclasses.replace(TAKEN, facts=None),
    "password": dataclasses.replace(
        TAKEN, kind=CredentialKind.PASSWORD, facts=None, username=Secret("s3cret")
    ),
}

ANSWERS: dict[str, base.Message] = {
    "help publisher": answers.help_text("/publisher"),
    "help release": answers.help_text("/release"),
    "help shipbell": answers.help_text("/shipbell"),
    "misspelt": answers.refusal(commands.Misspelt("/publisher", "lsit", "/publisher list")),
    "wrong": answers.refusal(
        commands.Wrong("/publisher", (Problem("project", "It is taken."), Problem("owner", "No.")))
    ),
    "wrong release": answers.refusal(commands.Wrong("/release", (Problem("version", "Give one."),))),
    "token": answers.refusal(commands.HoldsToken(INDEX_TOKEN)),
    "not yet": answers.refusal(commands.NotYet("connect github")),
    "sign in": connecting.offered("https://bell.example/github/connect?state=x"),
    "no sign in": connecting.not_set_up(),
    "connect an index": connecting.offered_index(
        "company", "https://bell.example/indexes/company/connect?state=x"
    ),
    "not opened": answers.not_opened("expired_trigger_id"),
    "out of order": answers.out_of_order(),
    "not installed": answers.not_installed("https://bell.example/slack/install"),
    "settings": answers.settings(
        [IndexSite("company", URL), IndexSite("pypi", URL, publisher_api=False)], 30.0
    ),
    "invite first": publishers.invite_first(base.message("Text <!>", [base.section("Text")]), "C1"),
    "not invited": publishers.not_invited(base.message("Text", [base.section("Text")]), "C1"),
}

IMPORT = {"import": ID, "index": "company", "channel": "C1"}
DIALOGS: dict[str, View] = {
    "publisher form": publisher_form.form(shown(BEGUN)),
    "loading": dialogs.loading("view-1"),
    "policy loading": policy_dialog.loading("view-1"),
    "freeze everything": policy_dialog.freeze("", "C1"),
    "freeze a project": policy_dialog.freeze("acme-widgets", ""),
    **{f"entered {name}": credentials.entered(intake, ID) for name, intake in ENTERED.items()},
    "page": credentials.page_offered("https://bell.example/credentials/enter?state=x"),
    "no page": credentials.page_missing(),
    "release form": release_dialogs.release_form({"project": "acme-widgets"}, ("company", "pypi"), "C1"),
    "reject": release_dialogs.reject(CARRIED, "C1"),
    "break glass": release_dialogs.break_glass(CARRIED, "C1"),
    **confirm_examples.DIALOGS,
    "import, loading": imports.loading("view-1"),
    "import, confirmed": imports.confirm(IMPORT, (1, 2, 4), "U1", by_hand=False),
    "import, confirmed by hand": imports.confirm(IMPORT, (1,), "U1", by_hand=True),
}


@pytest.fixture
def snapshot_json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Keep snapshots as JSON."""
    return snapshot.use_extension(JSONSnapshotExtension)


@pytest.mark.parametrize("name", NOTICES)
def test_notice(name: str, snapshot_json: SnapshotAssertion) -> None:
    """Each notice says what its snapshot says, and Slack would take it."""
    shown = rendered(NOTICES[name])
    assert shown == snapshot_json
    assert problems(shown) == []


@pytest.mark.parametrize("name", ANSWERS)
def test_answer(name: str, snapshot_json: SnapshotAssertion) -> None:
    """Each answer to one person says what its snapshot says, and Slack would take it."""
    said = ANSWERS[name]
    shown = told(said)
    assert shown == snapshot_json
    assert problems(shown) == []


def test_no_secret_is_shown() -> None:
    """What shows a secret for what it is has nothing of the secret itself."""
    assert all("s3cret" not in json.dumps(DIALOGS[f"entered {name}"]) for name in ENTERED)


@pytest.mark.parametrize("name", DIALOGS)
def test_dialog(name: str, snapshot_json: SnapshotAssertion) -> None:
    """Each dialog shows what its snapshot shows, and Slack would take it."""
    assert DIALOGS[name] == snapshot_json
    assert problems(dict(DIALOGS[name])) == []


def test_hostile_values_stay_words() -> None:
    """However long or hostile the values, Slack takes the message, and nobody is called who is not meant."""
    for name, notice in NOTICES.items():
        shown = rendered(wild(notice))
        assert problems(shown) == [], name
        said = "".join(marked_up(shown))
        assert "<!channel>" not in said, name
        assert "<@U1>" not in said, name


def test_slacks_own_library_agrees() -> None:
    """Slack's library knows every block, and finds it valid as well, hostile values or not."""
    shown: list[tuple[str, Any]] = [
        *((name, rendered(notice)["blocks"]) for name, notice in NOTICES.items()),
        *((name, rendered(wild(notice))["blocks"]) for name, notice in NOTICES.items()),
        *((name, answer.blocks) for name, answer in ANSWERS.items()),
        *((name, dict(dialog)["blocks"]) for name, dialog in DIALOGS.items()),
    ]
    for name, blocks in shown:
        parsed = Block.parse_all([dict(block) for block in blocks])
        assert len(parsed) == len(blocks), name
        for block in parsed:
            block.validate_json()


@pytest.mark.parametrize("detail", ["", HOSTILE])
def test_every_reason_fits(detail: str) -> None:
    """Whatever the reason, the end of a publisher is told inside Slack's limits, with the index's words escaped."""
    for reason in Reason:
        shown = rendered(
            notices.PublisherEnded(ID, WANTED, URL, "U2", PublisherState.FAILED, reason, detail, FORM)
        )
        assert problems(shown) == [], reason
        assert "<!channel>" not in "".join(marked_up(shown)), reason


def test_what_was_typed_fits_the_form() -> None:
    """The publisher's form opens with whatever was typed, and with more indexes than Slack can list."""
    typed = dict.fromkeys(("project", "repository", "workflow", "environment", "index"), HOSTILE)
    many = tuple(f"{number} {'x' * 200}" for number in range(150))
    forms = (
        publisher_form.form(
            PublisherFormShown(begun("v", typed, ("company",), HOSTILE), Looked(), ("company",), menu=True)
        ),
        publisher_form.form(PublisherFormShown(begun("v", {}, many, "C1"), Looked(), many, menu=False)),
        release_dialogs.release_form(
            dict.fromkeys((*typed, "version", "notes", "at", "override"), HOSTILE), many, HOSTILE
        ),
        release_dialogs.reject(dict.fromkeys(CARRIED, HOSTILE), HOSTILE),
        release_dialogs.break_glass(dict.fromkeys(CARRIED, HOSTILE), HOSTILE),
        imports.confirm({**IMPORT, "index": HOSTILE[:60]}, tuple(range(1, 301)), HOSTILE, by_hand=True),
    )
    for view in forms:
        assert problems(dict(view)) == []


def test_a_refusal_of_anything_fits() -> None:
    """A hostile word, and more problems than a message has room for, are told inside Slack's limits and call nobody."""
    for refused in (
        commands.Misspelt("/publisher", HOSTILE, HOSTILE),
        commands.Wrong("/publisher", (Problem("project", HOSTILE),) * 60),
    ):
        said = answers.refusal(refused)
        shown = told(said)
        assert problems(shown) == []
        assert "<!channel>" not in "".join(marked_up(shown))


def test_every_notice_has_words_and_a_snapshot() -> None:
    """No notice can be put into the outbox that nobody has worded or looked at."""
    older = {notices.HomeShown, LinksShown}
    kinds = set(notices.KINDS.values()) - older
    assert kinds == set(MESSAGES) | set(VIEWS) == {type(notice) for notice in NOTICES.values()}
    assert kinds | older == set(notices.Notice.__args__)


def test_notices_survive_the_outbox() -> None:
    """A notice comes out of the outbox's JSON as it went in."""
    for name, notice in NOTICES.items():
        kind, facts = codec.pack(notice, notices.KINDS)
        assert codec.unpack(kind, json.loads(json.dumps(facts)), notices.KINDS) == notice, name


def test_intents_survive_the_inbox() -> None:
    """An intent comes out of the inbox's JSON as it went in, whatever its kind."""
    examples: list[intents.Intent] = [
        intents.AddPublisher(WANTED, "C1"), intents.ListPublishers(), intents.CheckPublisher("a", ""),
        intents.RemovePublisher("a", "pypi"), intents.SubmittedByHand(ID), intents.TryAgain(ID),
        intents.ShowCredentials("v", ""), intents.AddCredential("pypi"), intents.RevokeCredential(ID, "v"),
            intents.EnterCredential(ID, "pypi", "a", CredentialKind.PASSWORD, (ID,)), intents.KeepCredential(ID, "a"),
            intents.OpenEntryPage("a" * 64, "pypi", "@ada (acme)"),
        intents.OpenHome(2, "h"), intents.ShowRelease("v", ID), intents.ShowAudit("", 7), intents.ExportAudit("a", "csv"), intents.AskRelease("a", "v1", "", "notes", AT, "", "C1"),
        intents.RunStep("Fx1", problems=(Problem("project", "No."),)), intents.UnfurlLinks((("https://a", ID),), "u", "composer"),
        intents.Approve(ID, 1), intents.Reject(ID, 1, "no"), intents.Withdraw(ID, 2), intents.BreakGlass(ID, 1, "fire"),
        intents.CancelRelease("a", "1"), intents.RetryRelease(release_id=ID), intents.ShowReleases(""),
        intents.SetPolicy("a", {"quorum": "2"}), intents.ShowPolicy(""), intents.SetFreeze("", AT, None, "why"),
        intents.LiftFreeze("a"), intents.AskYank("a", "1", "why"), intents.TellChannel("a", Hears.FINAL), intents.ShowTold(),
        intents.FillPublisherForm(SEVERAL, "hash-1"), intents.ShowSetup("v", ID), intents.OpenSetupPull(ID, "0", True, ("ada",)),
        intents.ShowSetup("v", ID), intents.OpenSetupPull(ID, "0", True, ("ada",)),
        intents.ConnectIndex("pypi", "a" * 64, "@ada (acme)"),
        intents.ConnectGithub("a" * 64, "@ada (acme)"), intents.DisconnectGithub(), intents.ConfirmNow(ID),
        intents.TakeOver(ID),
        intents.ImportOwner("acme", "pypi"),
        intents.ShowImport("v", ID), intents.SetUpImport(ID, (1, 3)),
        intents.ToOrganization(ID), intents.AgreePolicy(ID), intents.RefusePolicy(ID), intents.LeaveTeam(AT, "app_uninstalled"), intents.PersonLeft("U1"),
        intents.ChannelLost("C1", AT, "channel_left"), intents.ChannelBack("C1", AT),
        intents.ShowPolicyForm("v", "a", intents.PolicyPart.ROLES, "C1"),
    ]  # fmt: skip
    assert {type(one) for one in examples} == set(intents.KINDS.values()) == set(intents.Intent.__args__)
    for example in examples:
        kind, payload = codec.pack(example, intents.KINDS)
        assert codec.unpack(kind, json.loads(json.dumps(payload)), intents.KINDS) == example


def test_several_problems_of_a_field_show_together() -> None:
    """Slack shows one error for each field, so several of one field are joined, and each names a field that exists."""
    refused = [
        Problem("owner", "A."),
        Problem("repository", "B."),
        Problem("index", "C."),
        Problem("project", "D."),
    ]
    there = {"repository": "repository", "index": INDEX_CHOICE, "project": "project.2"}
    found = publisher_form.errors(refused, there)
    assert found == {"repository": "A. B.", INDEX_CHOICE: "C.", "project.2": "D."}
    assert publisher_form.errors(refused[3:], {"repository": "repository"}) == {"repository": "D."}
    names = {block.get("block_id") for block in DIALOGS["publisher form"]["blocks"]}
    assert {"repository", INDEX_CHOICE} <= names


def test_three_hundred_packages_fit() -> None:
    """A list of 300 packages is all in the dialog, ticked, and in its question, inside Slack's limits.

    Slack takes a view of up to 250,000 characters (https://docs.slack.dev/reference/views).
    """
    view = imports.choices(
        dataclasses.replace(import_examples.CHOICES, lines=import_examples.MANY, total=310)
    )
    boxes = [block["element"] for block in view["blocks"] if block["type"] == "input"]
    values = [option["value"] for box in boxes for option in box["initial_options"]]
    assert values == [str(number) for number in range(1, 301)]
    assert problems(dict(view)) == []
    assert len(json.dumps(view)) < 250_000
    assert "10 more" in json.dumps(view)
    asked = imports.confirm(IMPORT, range(1, 301), "U1", by_hand=True)
    assert problems(dict(asked)) == []
    shown = rendered(dataclasses.replace(import_examples.SHOWN, lines=import_examples.MANY[:20], total=300))
    assert "… and 280 more." in json.dumps(shown, ensure_ascii=False)
    assert problems(shown) == []


def test_what_does_not_fit_is_counted_and_buttons_stay() -> None:
    """Of more blocks than Slack takes, in number or in length, the first stay, every button stays, and the rest is counted."""
    press = base.actions(base.button("Approve", "a", "v"))
    for text, many in (("x", 80), ("x" * 2_900, 12)):
        shown = told(base.message("Text", [*[base.section(text)] * many, press]))
        assert problems(shown) == []
        assert shown["blocks"][-2:][0] == press
        left_out = many - sum(block["type"] == "section" for block in shown["blocks"])
        assert shown["blocks"][-1] == base.context(f"… and {left_out} more that do not fit here.")
