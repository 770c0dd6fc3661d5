"""Having Java and all jars here before anything starts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

from stack.broker import BrokerFiles
from stack.environment import cache_folder, machine_environment
from stack.jars import JAR_SETS, are_here, fetch_jars
from stack.java import with_java


class Prepared(NamedTuple):
    """What runs the broker, and the environment that every program is started in."""

    files: BrokerFiles
    variables: Mapping[str, str]


def prepare(say: Callable[[str], None]) -> Prepared:
    """Find Java, and fetch what this user never had. Raises Unavailable."""
    environment = machine_environment()
    if not all(are_here(jar_set, cache_folder(environment)) for jar_set in JAR_SETS):
        say("downloading the jars, this first time only (70 MB)")
    files = BrokerFiles.found(environment)
    fetch_jars("spark", java=files.java, cache=cache_folder(environment))
    variables = with_java(environment, files.java) | {"PYTHONUNBUFFERED": "1", "PYSPARK_PYTHON": sys.executable}
    return Prepared(files, variables)
