"""What sessions measured of each patient, for the next ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "patient_figure",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.Column("at_utc_s", sa.Double(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "kind", name="pk_patient_figure"),
    )
    op.create_index("ix_patient_figure_patient", "patient_figure", ["patient"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("patient_figure")
