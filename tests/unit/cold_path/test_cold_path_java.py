from __future__ import annotations

from pathlib import Path

import pytest

from cold_path.spark.java import java_home
from cold_path.spark.session import default_jars, found_jars
from contracts.errors import InvalidInput


def an_installation(folder: Path) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text("#!/bin/sh\n")
    java.chmod(0o755)
    return folder


def test_java_home_comes_first(tmp_path: Path) -> None:
    home, other = an_installation(tmp_path / "home"), an_installation(tmp_path / "other")
    assert java_home({"JAVA_HOME": str(home), "PATH": str(other / "bin")}, shims=tmp_path) == home


def test_a_link_on_the_path_leads_to_the_installation(tmp_path: Path) -> None:
    home = an_installation(tmp_path / "home")
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "java").symlink_to(home / "bin" / "java")
    assert java_home({"PATH": str(tmp_path / "path")}, shims=tmp_path) == home


def test_missing_jars_are_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "delta-spark_4.2_2.13-4.4.0.jar").touch()
    with pytest.raises(InvalidInput, match=r"delta-storage.*make setup"):
        found_jars(tmp_path)


def test_the_user_s_cache_is_where_it_is_said_to_be() -> None:
    assert default_jars({"XDG_CACHE_HOME": "/cache"}) == Path("/cache/connected-cars/spark-jars")
