"""The first of many along an index: a vehicle's open alerts by urgency, what people did last about an alert."""

from __future__ import annotations

from alembic import op
from sqlalchemy import TextClause, text

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_URGENCY: list[str | TextClause] = [
    text("severity_rank DESC"),
    text("needs_attention DESC"),
    "raised_at_ms",
    "alert_id",
]


def upgrade() -> None:
    """Apply."""
    op.drop_index("alerts_open", "alerts")
    op.create_index("alerts_open", "alerts", ["is_open", "vehicle_id", *_URGENCY])
    op.create_index("alert_actions_by_time", "alert_actions", ["alert_id", "available_at_ms", "action_id"])


def downgrade() -> None:
    """Take back."""
    op.drop_index("alert_actions_by_time", "alert_actions")
    op.drop_index("alerts_open", "alerts")
    op.create_index("alerts_open", "alerts", ["is_open", "vehicle_id", "severity_rank"])
