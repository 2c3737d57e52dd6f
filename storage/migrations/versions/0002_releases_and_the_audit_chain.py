"""Releases and the audit chain

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

UNDER_WAY = "state IN ('requested', 'awaiting_approval', 'approved', 'voided', 'tagging', 'building', 'publishing', 'verifying')"


def upgrade() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_audit_heads_team_id")),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "freezes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("project", sa.String(length=200), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("set_by", sa.String(length=32), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(length=32), nullable=True),
        sa.CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name=op.f("ck_freezes_lifted_pair")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_freezes_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_freezes")),
    )
    with op.batch_alter_table("freezes", schema=None) as batch_op:
        batch_op.create_index(
            "ix_freezes_standing",
            ["team_id", "project"],
            unique=False,
            sqlite_where=sa.text("lifted_at IS NULL"),
            postgresql_where=sa.text("lifted_at IS NULL"),
        )

    op.create_table(
        "github_links",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("user", sa.String(length=32), nullable=False),
        sa.Column("github_id", sa.BigInteger(), nullable=False),
        sa.Column("login", sa.String(length=100), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_github_links_team_id")),
        sa.PrimaryKeyConstraint("team_id", "user", name=op.f("pk_github_links")),
        sa.UniqueConstraint("team_id", "github_id", name=op.f("uq_github_links_team_id_github_id")),
    )
    op.create_table(
        "oauth_states",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("user", sa.String(length=32), nullable=False),
        sa.Column("state_hash", sa.String(length=64), nullable=False),
        sa.Column("browser_hash", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_oauth_states_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_states")),
        sa.UniqueConstraint("team_id", "user", name=op.f("uq_oauth_states_team_id_user")),
        sa.UniqueConstraint("state_hash", name=op.f("uq_oauth_states_state_hash")),
    )
    op.create_table(
        "policies",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("project", sa.String(length=200), nullable=False),
        sa.Column(
            "value",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("set_by", sa.String(length=32), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_policies_team_id")),
        sa.PrimaryKeyConstraint("team_id", "project", name=op.f("pk_policies")),
    )
    op.create_table(
        "releases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("index_name", sa.String(length=64), nullable=False),
        sa.Column("project", sa.String(length=200), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("repository", sa.String(length=100), nullable=False),
        sa.Column("workflow", sa.String(length=255), nullable=False),
        sa.Column("environment", sa.String(length=255), nullable=False),
        sa.Column("slug", sa.String(length=201), nullable=False),
        sa.Column("version", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=32), server_default="release", nullable=False),
        sa.Column("tag", sa.String(length=255), nullable=False),
        sa.Column("commit", sa.String(length=64), nullable=False),
        sa.Column("make_tag", sa.Boolean(), nullable=False),
        sa.Column("start", sa.String(length=32), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("requested_by", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.String(length=500), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column(
            "report",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "policy",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "progress",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("begun", sa.String(length=64), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("rehearsal", sa.String(length=64), nullable=False),
        sa.Column("lease_owner", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("act_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(begun = '') = (begun_at IS NULL)", name=op.f("ck_releases_begun_pair")),
        sa.CheckConstraint(
            "state <> 'awaiting_approval' OR (asked_at IS NOT NULL AND expires_at IS NOT NULL)",
            name=op.f("ck_releases_asked_ends"),
        ),
        sa.CheckConstraint(
            f"{UNDER_WAY} OR next_at IS NULL",
            name=op.f("ck_releases_ended_rests"),
        ),
        sa.CheckConstraint(
            "(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_releases_lease_pair")
        ),
        sa.CheckConstraint(
            "kind = 'yank' OR NOT (state IN ('tagging', 'building', 'publishing', 'verifying', 'published')) OR (\"commit\" <> '' AND tag <> '')",
            name=op.f("ck_releases_acts_on_a_commit"),
        ),
        sa.CheckConstraint(
            "kind <> 'yank' OR (run_id IS NULL AND begun = '')", name=op.f("ck_releases_yank_does_nothing")
        ),
        sa.CheckConstraint(
            "state NOT IN ('tagging', 'building', 'publishing', 'published') OR kind = 'release'",
            name=op.f("ck_releases_yank_runs_nothing"),
        ),
        sa.CheckConstraint(
            "state <> 'yanked' OR kind = 'yank'", name=op.f("ck_releases_release_is_not_yanked")
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "team_id"],
            ["projects.id", "projects.team_id"],
            name=op.f("fk_releases_project_id_team_id"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_releases_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
        sa.UniqueConstraint("id", "team_id", name=op.f("uq_releases_id_team_id")),
    )
    with op.batch_alter_table("releases", schema=None) as batch_op:
        batch_op.create_index(
            "ix_releases_due",
            ["next_at"],
            unique=False,
            sqlite_where=sa.text("next_at IS NOT NULL"),
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )
        batch_op.create_index("ix_releases_project", ["project_id", "requested_at"], unique=False)
        batch_op.create_index(
            "ix_releases_slug",
            ["slug"],
            unique=False,
            sqlite_where=sa.text(UNDER_WAY),
            postgresql_where=sa.text(UNDER_WAY),
        )
        batch_op.create_index("ix_releases_team", ["team_id", "requested_at"], unique=False)
        batch_op.create_index(
            "uq_releases_open",
            ["project_id", "version", "kind"],
            unique=True,
            sqlite_where=sa.text(UNDER_WAY),
            postgresql_where=sa.text(UNDER_WAY),
        )

    op.create_table(
        "approvals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("release_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("user", sa.String(length=32), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["release_id", "team_id"],
            ["releases.id", "releases.team_id"],
            name=op.f("fk_approvals_release_id_team_id"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_approvals_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sa.UniqueConstraint("release_id", "round", "user", name=op.f("uq_approvals_release_id_round_user")),
    )
    op.create_table(
        "release_evidence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("release_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("url", sa.String(length=1000), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["release_id", "team_id"],
            ["releases.id", "releases.team_id"],
            name=op.f("fk_release_evidence_release_id_team_id"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_release_evidence_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_evidence")),
        sa.UniqueConstraint(
            "release_id", "kind", "url", name=op.f("uq_release_evidence_release_id_kind_url")
        ),
    )
    op.create_table(
        "subscriptions",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("project", sa.String(length=200), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("hears", sa.String(length=32), nullable=False),
        sa.Column("set_by", sa.String(length=32), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_subscriptions_team_id")),
        sa.PrimaryKeyConstraint("team_id", "project", "channel", name=op.f("pk_subscriptions")),
    )
    op.create_table(
        "watches",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("etag", sa.String(length=255), nullable=False),
        sa.Column(
            "versions",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("primed", sa.Boolean(), nullable=False),
        sa.Column("lease_owner", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_watches_lease_pair")
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "team_id"],
            ["projects.id", "projects.team_id"],
            name=op.f("fk_watches_project_id_team_id"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_watches_team_id")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_watches")),
    )
    with op.batch_alter_table("watches", schema=None) as batch_op:
        batch_op.create_index("ix_watches_due", ["next_at"], unique=False)
        batch_op.create_index("ix_watches_team", ["team_id"], unique=False)

    op.create_table(
        "thanks",
        sa.Column("release_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column(
            "progress",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("lease_owner", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_thanks_lease_pair")
        ),
        sa.ForeignKeyConstraint(
            ["release_id", "team_id"],
            ["releases.id", "releases.team_id"],
            name=op.f("fk_thanks_release_id_team_id"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_thanks_team_id")),
        sa.PrimaryKeyConstraint("release_id", name=op.f("pk_thanks")),
    )
    with op.batch_alter_table("thanks", schema=None) as batch_op:
        batch_op.create_index(
            "ix_thanks_due",
            ["next_at"],
            unique=False,
            sqlite_where=sa.text("next_at IS NOT NULL"),
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )

    op.create_table(
        "feeds",
        sa.Column("index_name", sa.String(length=64), nullable=False),
        sa.Column(
            "pages",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("faults", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("missed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_owner", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(lease_owner IS NULL) = (lease_until IS NULL)", name=op.f("ck_feeds_lease_pair")),
        sa.CheckConstraint("waiting >= 0 AND faults >= 0", name=op.f("ck_feeds_counted")),
        sa.PrimaryKeyConstraint("index_name", name=op.f("pk_feeds")),
    )
    with op.batch_alter_table("projects", schema=None) as batch_op:
        batch_op.create_index("ix_projects_name", ["index_name", "name"], unique=False)

    with op.batch_alter_table("publishers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True))
        for name, column in (("ix_publishers_pending", "project"), ("ix_publishers_looked", "looked_at")):
            batch_op.create_index(
                name,
                ["index_name", column],
                unique=False,
                sqlite_where=sa.text("state = 'pending'"),
                postgresql_where=sa.text("state = 'pending'"),
            )

    with op.batch_alter_table("audit_events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("number", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("mac", sa.LargeBinary(), nullable=True))
        batch_op.create_index("uq_audit_number", ["team_id", "number"], unique=True)

    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("parent_key", sa.String(length=255), server_default="", nullable=False))
        batch_op.add_column(sa.Column("broadcast", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("revision", sa.Integer(), server_default="0", nullable=False))
