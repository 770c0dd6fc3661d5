"""Pages along an index: a fleet's or a model's vehicles by VIN, open alerts newest first, the worst of a vehicle's."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_NEWEST_FIRST = ["available_at_ms", "alert_id"]


def upgrade() -> None:
    """Apply."""
    for name, table in (
        ("vehicles_by_fleet", "vehicles"),
        ("vehicles_by_model", "vehicles"),
        ("alerts_open", "alerts"),
    ):
        op.drop_index(name, table)
    op.create_index("vehicles_by_fleet", "vehicles", ["fleet", "vehicle_id"])
    op.create_index("vehicles_by_model", "vehicles", ["model_name", "vehicle_id"])
    op.create_index("alerts_open", "alerts", ["is_open", "vehicle_id", "severity_rank"])
    op.create_index("alerts_open_newest", "alerts", ["is_open", *_NEWEST_FIRST])
    op.create_index("alerts_by_severity", "alerts", ["severity", "is_open", *_NEWEST_FIRST])


def downgrade() -> None:
    """Take back."""
    op.drop_index("alerts_by_severity", "alerts")
    op.drop_index("alerts_open_newest", "alerts")
    for name, table, column in (
        ("vehicles_by_fleet", "vehicles", ["fleet"]),
        ("vehicles_by_model", "vehicles", ["model_name"]),
        ("alerts_open", "alerts", ["is_open", "vehicle_id"]),
    ):
        op.drop_index(name, table)
        op.create_index(name, table, column)
