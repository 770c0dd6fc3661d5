"""What physics and smooth driving predict, beside what was burnt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_COLUMNS = ("efficiency_index", "driver_index")


def upgrade() -> None:
    """Apply; versions loaded before know neither."""
    for name in _COLUMNS:
        op.add_column("batch_fuel_efficiency", sa.Column(name, sa.Float(), nullable=True))


def downgrade() -> None:
    """Take back."""
    for name in reversed(_COLUMNS):
        op.drop_column("batch_fuel_efficiency", name)
