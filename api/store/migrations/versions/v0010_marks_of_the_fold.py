"""Marks tell which rules and fold have judged, since when, and how many vehicles nobody watches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ADDED = {
    "rules_hash": sa.String,
    "fold_version": sa.Integer,
    "since_offset": sa.BigInteger,
    "unwatched": sa.BigInteger,
}


def upgrade() -> None:
    """Apply."""
    for name, kind in _ADDED.items():
        op.add_column("marks", sa.Column(name, kind()))


def downgrade() -> None:
    """Take back."""
    for name in reversed(_ADDED):
        op.drop_column("marks", name)
