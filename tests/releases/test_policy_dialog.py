"""The dialogs of a policy, filled from the ledger: for those who may set it, told in the dialog to those who may not."""

from datetime import timedelta
from typing import Any

from bot.core import intents
from bot.core.intents import PolicyPart
from storage.database import Database
from storage.ledger import audit
from tests.releases.kit import ALICE
from tests.releases.test_gate import ADMIN, BOB, CAROL, GROUP, Team, team_of


async def test_the_dialog_shows_what_holds(database: Database) -> None:
    """It shows the workspace's policy until the project has its own, the projects to choose from, and who may be named."""
    team = await team_of(database)
    team.world.people.groups[GROUP] = frozenset({BOB})
    await team.policy(quorum="2")
    kind, facts = await team.wants(ADMIN, intents.ShowPolicyForm("v1", "p", channel="C1"))
    assert (kind, facts["view_id"], facts["of_project"], facts["policy"]["quorum"]) == (
        "policy.form",
        "v1",
        False,
        2,
    )
    assert (facts["projects"], facts["more"], facts["handles"]) == (["p"], False, {GROUP: GROUP.lower()})
    await team.policy(ADMIN, "p", quorum="3", second="no")
    await team.policy(ADMIN, "q" * 200, quorum="3")
    _, facts = await team.wants(ADMIN, intents.ShowPolicyForm("v2", "p", PolicyPart.ROLES))
    assert (facts["of_project"], facts["policy"]["quorum"], facts["part"]) == (True, 3, "roles")
    assert (facts["projects"], facts["more"]) == (["p"], True)


async def test_who_may_not_is_told_in_the_dialog(database: Database) -> None:
    """A dialog that waits to be filled says who may, instead of loading for ever: the policy's, and every other's."""
    team = await team_of(database)

    async def shut(who: str, wanted: Any) -> tuple[str, str, str]:
        kind, facts = await team.wants(who, wanted)
        return kind, str(facts.get("view_id")), str(facts["why"]["why"])

    assert await shut(ALICE, intents.ShowPolicyForm("v1", "p")) == ("dialog.shut", "v1", "not_admin")
    for wanted in (intents.ShowCredentials("v2", "pypi"), intents.ShowSetup("v2", "0" * 32)):
        assert (await shut("U0NOBODY", wanted))[:2] == ("dialog.shut", "v2")


async def test_a_stale_dialog_changes_nothing(database: Database) -> None:
    """What somebody else has changed since the dialog was opened is not written over unseen; what the dialog shows still holds is."""
    team = await team_of(database)
    await team.policy(quorum="2", deny=f"<@{BOB}>")
    seen = {"quorum": "2", "deny": BOB}
    await team.policy(quorum="4", deny=f"<@{BOB}>,<@{CAROL}>")
    kind, facts = await team.wants(ADMIN, intents.SetPolicy("", {"quorum": "3"}, {"quorum": seen["quorum"]}))
    assert (kind, facts.get("why")) == ("policy.refused", "changed_meanwhile")
    kind, _ = await team.wants(ADMIN, intents.SetPolicy("", {"deny": f"<@{BOB}>"}, {"deny": seen["deny"]}))
    assert kind == "policy.refused"
    kind, facts = await team.wants(ADMIN, intents.SetPolicy("", {"quorum": "3"}, {"quorum": "4"}))
    assert (kind, facts["policy"]["quorum"], len(facts["policy"]["deny"])) == ("policy.shown", 3, 2)


async def test_a_project_without_its_own_shows_none_of_the_workspaces_roles(database: Database) -> None:
    """Whom the workspace lets set policies may set the project's too; its dialog names nobody whom it can't take that from."""
    team = await team_of(database)
    await team.policy(setters=f"<@{CAROL}>,<@{BOB}>")
    _, facts = await team.wants(ADMIN, intents.ShowPolicyForm("v1", "p", PolicyPart.ROLES))
    assert not any(one["role"] == "setters" for one in facts["policy"]["roles"])
    kind, _ = await team.wants(ADMIN, intents.SetPolicy("p", {"setters": f"<@{BOB}>"}, {"setters": ""}))
    assert kind == "policy.shown"


async def last_said(team: Team) -> dict[str, Any]:
    """Return what a channel heard last, once all is said, at Slack's pace."""
    while any(due is not None for due in await team.world.work()):
        team.world.clock.now += timedelta(seconds=2)
    return team.world.slack.messages[-1].facts


async def test_only_the_freezes_that_were_shown_are_lifted(database: Database) -> None:
    """What somebody froze while the dialog stood open goes on, and who lifts hears so; a command means all that stand."""
    team = await team_of(database)
    await team.wants(ADMIN, intents.SetFreeze("", None, None, "Holidays."))
    _, facts = await team.wants(ADMIN, intents.ShowPolicyForm("v1", ""))
    seen = tuple(line["name"] for line in facts["freezes"])
    await team.wants(ADMIN, intents.SetFreeze("", None, None, "An incident."))
    # The channel hears what has changed; who has changed nothing hears so alone.
    assert await team.wants(ADMIN, intents.LiftFreeze("", seen)) == ("", {})
    said = await last_said(team)
    assert (said["lifted"], said["count"], said["left"]) == (True, 1, 1)
    _, facts = await team.wants(ADMIN, intents.LiftFreeze("", seen))
    assert (facts["lifted"], facts["count"], facts["left"]) == (True, 0, 1)
    _, facts = await team.wants(ADMIN, intents.ShowPolicyForm("v2", ""))
    assert [line["reason"] for line in facts["freezes"]] == ["An incident."]
    await team.wants(ADMIN, intents.LiftFreeze(""))
    said = await last_said(team)
    assert (said["count"], said["left"]) == (1, 0)
    async with database.reading() as session:
        assert team.world.team is not None
        lifted = [
            event
            for event in await audit.trail(session, team.world.team.id, limit=50)
            if event.action == "freeze.lifted"
        ]
    assert [one["reason"] for event in lifted for one in event.detail["ended"]] == [
        "An incident.",
        "Holidays.",
    ]
