"""What wearables and phones know of a patient's days."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "context_value",
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("start_utc_s", sa.Double(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("end_utc_s", sa.Double(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("patient", "kind", "start_utc_s", "source", name="pk_context_value"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("context_value")
