"""What each road segment costs by vehicle class and time of day, and what routes would have saved each trip."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COSTS = ("seconds", "observed_seconds", "model_seconds", "fuel_ml", "observed_fuel_ml", "model_fuel_ml")
_SAVINGS = (
    "driven_m",
    "driven_s",
    "driven_fuel_ml",
    "expected_s",
    "expected_fuel_ml",
    "frugal_m",
    "frugal_s",
    "frugal_fuel_ml",
    "fast_m",
    "fast_s",
    "fast_fuel_ml",
    "saved_fuel_ml",
    "saved_s",
)


def upgrade() -> None:
    """Apply; versions loaded before have no rows of roads."""
    op.create_table(
        "batch_road_costs",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("segment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("vehicle_class", sa.String(), autoincrement=False, nullable=False),
        sa.Column("time_of_day", sa.String(), autoincrement=False, nullable=False),
        sa.Column("traversals", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.Float(), nullable=True) for name in _COSTS),
        sa.PrimaryKeyConstraint("version", "segment_id", "vehicle_class", "time_of_day"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "batch_route_savings",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("vehicle_id", sa.String(), autoincrement=False, nullable=False),
        sa.Column("trip_started_at_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("leg", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("vehicle_class", sa.String(), nullable=True),
        sa.Column("time_of_day", sa.String(), nullable=True),
        sa.Column("from_vertex_id", sa.BigInteger(), nullable=True),
        sa.Column("to_vertex_id", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.Float(), nullable=True) for name in _SAVINGS),
        sa.PrimaryKeyConstraint("version", "vehicle_id", "trip_started_at_ms", "leg"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("batch_route_savings")
    op.drop_table("batch_road_costs")
