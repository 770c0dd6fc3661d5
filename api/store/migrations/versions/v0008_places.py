"""Vehicles by place, so that a viewport needs no look at every vehicle."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index("latest_by_place", "vehicle_latest", ["latitude_deg", "longitude_deg", "vehicle_id"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("latest_by_place", "vehicle_latest")
