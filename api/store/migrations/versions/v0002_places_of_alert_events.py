"""Where alert events stand in Kafka, for streams that are taken up again. Older events have no place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("alert_changes", sa.Column("partition", sa.Integer(), nullable=True))
    op.add_column("alert_changes", sa.Column("record_offset", sa.BigInteger(), nullable=True))
    op.create_index("alert_changes_by_place", "alert_changes", ["partition", "record_offset"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("alert_changes_by_place", "alert_changes")
    op.drop_column("alert_changes", "record_offset")
    op.drop_column("alert_changes", "partition")
