"""Open alerts in the order of attention, and where vehicles are, each along an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; positions are taken out of the readings that are there."""
    op.drop_index("alerts_in_need", "alerts")
    op.create_index("alerts_by_urgency", "alerts", _urgency())
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name in ("latitude_deg", "longitude_deg"):
        op.add_column("vehicle_latest", sa.Column(name, sa.Float(), nullable=True))
        held = f"json_extract(reading, '$.{name}')" if is_sqlite else f"CAST(CAST(reading AS json)->>'{name}' AS float)"
        op.execute(f"UPDATE vehicle_latest SET {name} = {held}")  # noqa: S608 - both names are ours


def _urgency() -> list[str | sa.TextClause]:
    falling: list[str | sa.TextClause] = [sa.text("severity_rank DESC"), sa.text("needs_attention DESC")]
    return ["is_open", *falling, "raised_at_ms", "alert_id", "vehicle_id"]


def downgrade() -> None:
    """Take back."""
    for name in ("longitude_deg", "latitude_deg"):
        op.drop_column("vehicle_latest", name)
    op.drop_index("alerts_by_urgency", "alerts")
    op.create_index("alerts_in_need", "alerts", ["needs_attention", "is_open", "severity_rank", "raised_at_ms"])
