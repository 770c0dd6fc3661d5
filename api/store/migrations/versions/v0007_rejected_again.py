"""Rejected readings by time, and how often the same bytes were rejected."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; bytes are counted from now on."""
    op.add_column("rejected", sa.Column("sha256", sa.String(), nullable=True))
    op.drop_index("rejected_by_reason", "rejected")
    op.create_index("rejected_by_reason", "rejected", ["reason", "received_at_ms"])
    op.create_index("rejected_by_time", "rejected", ["received_at_ms", "partition", "record_offset"])
    op.create_index("rejected_by_bytes", "rejected", ["sha256"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("rejected_by_bytes", "rejected")
    op.drop_index("rejected_by_time", "rejected")
    op.drop_index("rejected_by_reason", "rejected")
    op.create_index("rejected_by_reason", "rejected", ["reason"])
    op.drop_column("rejected", "sha256")
