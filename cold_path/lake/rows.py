"""The rows of the lake at one version, with all columns that this version of the program knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - the idiom
from pyspark.sql.pandas.types import from_arrow_schema

from cold_path.lake.judgement import LAKE_SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession


def rows_of(spark: SparkSession, lake: Path, version: int) -> DataFrame:
    """Give the rows; a column that the table does not have yet is null throughout."""
    rows = spark.read.format("delta").option("versionAsOf", version).load(str(lake.absolute()))
    missing = [field for field in from_arrow_schema(LAKE_SCHEMA).fields if field.name not in rows.columns]
    return rows.withColumns({field.name: F.lit(None).cast(field.dataType) for field in missing})
