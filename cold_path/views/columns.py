"""The columns of a view, as the contract names and types them: the select that each view ends in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - the idiom

from contracts.views import VIEW_COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import Column


def columns_of(view: str) -> list[Column]:
    """Give the view's columns in the contract's order and types."""
    return [F.col(name).cast(kind).alias(name) for name, kind in VIEW_COLUMNS[view].items()]
