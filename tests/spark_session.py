"""One Spark session for the whole run, whoever asks for it first; it ends with the process."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from functools import cache

from pyspark.sql import SparkSession

from cold_path.spark.session import spark_session


@cache
def the_session() -> SparkSession:
    """Start Spark, or give the session that was started."""
    stack = ExitStack()
    session = stack.enter_context(spark_session(driver_memory="1g"))
    session.conf.set("spark.sql.shuffle.partitions", "2")
    atexit.register(stack.close)
    return session
