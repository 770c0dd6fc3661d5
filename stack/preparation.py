"""Having Java and all jars here before anything starts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from contracts.files import replacing
from rules import default_rules_file, with_room_for
from stack.broker import BrokerFiles
from stack.environment import cache_folder, machine_environment
from stack.jars import JAR_SETS, are_here, fetch_jars
from stack.java import with_java

RULES_VARIABLES: Final = ("HOT_PATH_RULES", "COLD_PATH_RULES", "API_RULES")
"""By these every program of a run takes the same rule file, unless somebody has set one already."""


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


def rules_for(vehicles: int, file: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Write a rule file with room for a fleet where the usual one has too little; return the variables that name it."""
    usual = default_rules_file().read_text(encoding="utf-8")
    wanted = with_room_for(vehicles, usual)
    if wanted == usual or any(name in environment for name in RULES_VARIABLES):
        return {}
    with replacing(file) as out:
        out.write(wanted.encode())
    return dict.fromkeys(RULES_VARIABLES, str(file))
