"""Every notice to its words: the one table.

Knows: which function words what. Must not know: Bolt, network.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from bot.core import (
    audit_notices,
    confirm_notices,
    connect_notices,
    health_notices,
    import_notices,
    install_notices,
    notices,
    permission_notices,
    policy_forms,
    policy_notices,
    publisher_forms,
    setup_notices,
)
from bot.core import credential_notices as life
from bot.core import release_notices as said
from bot.slack.blocks import (
    answers,
    audits,
    confirming,
    connecting,
    credentials,
    health,
    hearing,
    home,
    imports,
    installing,
    leaving,
    permissions,
    policies,
    policy_changes,
    policy_dialog,
    publisher_form,
    publishers,
    release_answers,
    setup,
    timeline,
    yanks,
)
from bot.slack.blocks.base import Message
from bot.slack.blocks.forms import View

MESSAGES: Mapping[type[Any], Callable[[Any], Message]] = MappingProxyType(
    {
        notices.PublisherPending: publishers.pending,
        notices.PublisherByHand: publishers.by_hand,
        notices.PublisherQueued: publishers.queued,
        notices.PublisherEnded: publishers.ended,
        notices.PublisherDelayed: publishers.delayed,
        notices.PublisherConfirmed: publishers.confirmed,
        notices.PublisherReminder: publishers.reminder,
        notices.PublisherExpired: publishers.expired,
        notices.PublisherRemoved: publishers.removed,
        notices.PublisherList: publishers.listed,
        notices.PublisherStatus: publishers.status,
        notices.AlreadyOpen: publishers.already_open,
        notices.ProjectKnown: publishers.known,
        notices.UnknownProject: publishers.unknown,
        notices.NoLongerPossible: publishers.moved_on,
        notices.CredentialSaved: credentials.saved,
        notices.CredentialRevoked: credentials.revoked,
        life.EntryEnded: credentials.ended,
        life.CredentialDenied: credentials.denied,
        life.CredentialOvertaken: credentials.overtaken,
        life.CredentialRefused: credentials.refused,
        life.CredentialReminder: credentials.reminded,
        life.TokenUnneeded: credentials.unneeded,
        audit_notices.AuditShown: audits.shown,
        audit_notices.AuditFile: audits.file,
        audit_notices.AuditFileComing: audits.coming,
        audit_notices.AuditFileFailed: audits.failed,
        notices.BrokeDown: answers.broke_down,
        said.ReleaseShown: yanks.either,
        said.ReleaseStep: timeline.told,
        said.ReleaseTimeline: timeline.several,
        said.ReleaseAnswer: release_answers.answer,
        said.NotCounted: release_answers.not_counted,
        said.ReleaseList: release_answers.listed,
        said.PolicyShown: policies.shown,
        said.PolicyRefused: policies.refused,
        said.FreezeSet: policies.freeze,
        said.Unapproved: release_answers.unapproved,
        said.HearsShown: hearing.shown,
        setup_notices.PullOpened: setup.opened,
        setup_notices.PullAnswer: setup.answer,
        confirm_notices.ConfirmAnswer: confirming.answer,
        confirm_notices.ConfirmRuns: confirming.runs,
        confirm_notices.ConfirmWaits: confirming.waits,
        confirm_notices.ConfirmEnded: confirming.ended,
        import_notices.ImportShown: imports.shown,
        import_notices.ImportForms: imports.forms,
        import_notices.ImportEnded: imports.ended,
        import_notices.ImportAnswer: imports.answer,
        install_notices.InstallEnds: installing.ends,
        install_notices.Welcome: installing.welcome,
        install_notices.ChannelGone: leaving.channel_gone,
        install_notices.ScopesMissing: installing.scopes_missing,
        connect_notices.GithubLinked: connecting.linked,
        connect_notices.GithubUnlinked: connecting.unlinked,
        connect_notices.IndexConnected: connecting.granted,
        health_notices.HealthBroke: health.broke,
        health_notices.HealthMended: health.mended,
        health_notices.TakenOver: health.taken_over,
        health_notices.NotTakenOver: health.not_taken_over,
        permission_notices.NotAllowed: permissions.not_allowed,
        policy_notices.PolicyChangeShown: policy_changes.shown,
        policy_notices.ChangeAnswer: policy_changes.answer,
    }
)
"""Notices that are posted."""

VIEWS: Mapping[type[Any], Callable[[Any], View]] = MappingProxyType(
    {
        notices.CredentialsShown: credentials.dialog,
        said.ReleaseDialog: home.release,
        setup_notices.SetupShown: setup.shown,
        import_notices.ImportChoices: imports.choices,
        publisher_forms.PublisherFormShown: publisher_form.form,
        policy_forms.PolicyFormShown: policy_dialog.view,
        permission_notices.DialogShut: policy_dialog.shut,
    }
)
"""Notices that fill a dialog."""
