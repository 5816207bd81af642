"""The first schema: one account, its sign-in sessions, the index of therapy sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "account",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("created_utc_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_account"),
        sa.UniqueConstraint("name", name="uq_account_name"),
    )
    op.create_table(
        "sign_in_session",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("created_utc_s", sa.Double(), nullable=False),
        sa.Column("last_seen_utc_s", sa.Double(), nullable=False),
        sa.Column("expires_utc_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_sign_in_session"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.account_id"], name="fk_sign_in_session_account_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_sign_in_session_account_id", "sign_in_session", ["account_id"])
    op.create_table(
        "session_index",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("room", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("screening", sa.String(), nullable=False),
        sa.Column("started_utc_s", sa.Double(), nullable=False),
        sa.Column("ended_utc_s", sa.Double(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_session_index"),
    )
    op.create_index("ix_session_index_started_utc_s", "session_index", ["started_utc_s"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("session_index")
    op.drop_table("sign_in_session")
    op.drop_table("account")
