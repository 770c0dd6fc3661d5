"""The Spark session of these tests: the run's one session."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession
from spark_session import the_session


@pytest.fixture(scope="session")
def spark() -> SparkSession:
    return the_session()
