"""How much sound each session gave its patient, for the dose of a week."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "sound_dose",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("at_utc_s", sa.Double(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="pk_sound_dose"),
    )
    op.create_index("ix_sound_dose_patient", "sound_dose", ["patient"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("sound_dose")
