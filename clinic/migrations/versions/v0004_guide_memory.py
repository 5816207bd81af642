"""What the guide may remember of a patient, only with consent, and who looked at or changed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "guide_memory",
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("consent", sa.Boolean(), nullable=False),
        sa.Column("consent_utc_s", sa.Double(), nullable=True),
        sa.Column("met_utc_s", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("patient", name="pk_guide_memory"),
    )
    op.create_table(
        "guide_note",
        sa.Column("note_id", sa.Integer(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("at_utc_s", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("note_id", name="pk_guide_note"),
    )
    op.create_index("ix_guide_note_patient", "guide_note", ["patient"])
    op.create_table(
        "guide_memory_access",
        sa.Column("access_id", sa.Integer(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("at_utc_s", sa.Double(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("access_id", name="pk_guide_memory_access"),
    )
    op.create_index("ix_guide_memory_access_patient", "guide_memory_access", ["patient"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("guide_memory_access")
    op.drop_table("guide_note")
    op.drop_table("guide_memory")
