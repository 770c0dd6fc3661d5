"""How many readings a car has made lately, beside those rejected; which vehicles were erased, and when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COUNTED = ("sequence", "earlier_sequence", "earlier_at_ms", "middle_sequence", "middle_at_ms")


def upgrade() -> None:
    """Apply; readings are counted from now on."""
    for name in _COUNTED:
        op.add_column("vehicle_latest", sa.Column(name, sa.BigInteger(), nullable=True))
    with op.batch_alter_table("vehicles") as vehicles:  # a registry may hold any number
        vehicles.alter_column("year", type_=sa.BigInteger(), existing_type=sa.Integer(), existing_nullable=False)
    op.create_table(
        "erased",
        sa.Column("vehicle_id", sa.String(), autoincrement=False, nullable=False),
        sa.Column("erased_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("vehicle_id"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("erased")
    with op.batch_alter_table("vehicles") as vehicles:
        vehicles.alter_column("year", type_=sa.Integer(), existing_type=sa.BigInteger(), existing_nullable=False)
    for name in reversed(_COUNTED):
        op.drop_column("vehicle_latest", name)
