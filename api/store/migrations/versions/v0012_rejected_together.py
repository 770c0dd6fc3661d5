"""How many rejected records one row stands for, also in the index by which they are counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; a row of before stands for one."""
    op.add_column("rejected", sa.Column("records", sa.Integer(), nullable=False, server_default="1"))
    op.drop_index("rejected_by_reason", "rejected")
    op.create_index("rejected_by_reason", "rejected", ["reason", "received_at_ms", "records"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("rejected_by_reason", "rejected")
    op.create_index("rejected_by_reason", "rejected", ["reason", "received_at_ms"])
    op.drop_column("rejected", "records")
