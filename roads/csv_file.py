"""Road networks as two CSV files, vertices.csv and edges.csv, in the columns of RouteE Compass's OSMnx extracts.

Other columns may stand beside those read; empty fields in `name`, `highway` and `geometry` are allowed. A segment's id
is the number of its row, from 0.
"""

from __future__ import annotations

import ast
import csv
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from contracts.errors import InvalidInput
from roads.geodesy import Position, great_circle_m
from roads.network import RoadNetwork, Segment, Vertex

VERTEX_COLUMNS: Final = ("vertex_id", "y", "x", "elevation", "highway")
EDGE_COLUMNS: Final = (
    "src_vertex_id",
    "dst_vertex_id",
    "distance",
    "speed_kph",
    "grade",
    "highway",
    "name",
    "geometry",
)
_LINE: Final = re.compile(r"LINESTRING ?\((.+)\)")
_FURTHEST_END_M: Final = 50.0
_MOST_LATITUDE, _MOST_LONGITUDE, _STEEPEST, _FASTEST_KMH = 90.0, 180.0, 1.0, 200.0

Row = dict[str, str]
_T = TypeVar("_T")


class _Complaint(ValueError):
    """What is wrong with one row, without file and line."""


def load_network(folder: Path) -> RoadNetwork:
    """Read a folder's vertices.csv and edges.csv. Raises InvalidInput with file, line and remedy."""
    vertices_file, edges_file = folder / "vertices.csv", folder / "edges.csv"
    vertices = tuple(_parsed(vertices_file, VERTEX_COLUMNS, lambda row, _: _vertex(row)))
    index: dict[int, int] = {}
    for i, vertex in enumerate(vertices):
        if index.setdefault(vertex.vertex_id, i) != i:
            raise InvalidInput(
                f"{vertices_file}, line {i + 2}: vertex {vertex.vertex_id} stands there twice; keep one of the two"
            )
    segments = tuple(_parsed(edges_file, EDGE_COLUMNS, lambda row, i: _segment(row, i, index, vertices)))
    if not segments:
        raise InvalidInput(f"{edges_file}: no edges; a road network needs at least one row below the column names")
    return RoadNetwork(vertices, segments)


def _parsed(file: Path, columns: tuple[str, ...], parse: Callable[[Row, int], _T]) -> Iterator[_T]:
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            missing = [column for column in columns if column not in (rows.fieldnames or ())]
            if missing:
                raise InvalidInput(f"{file}, line 1: no column {', '.join(missing)}; needed are {', '.join(columns)}")
            for i, row in enumerate(rows):
                try:
                    yield parse(row, i)
                except _Complaint as complaint:
                    raise InvalidInput(f"{file}, line {rows.line_num}: {complaint}") from complaint
    except OSError as error:
        message = f"{file}: cannot be read ({error.strerror}); name a folder that holds vertices.csv and edges.csv"
        raise InvalidInput(message) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(f"{file}: is no CSV file in UTF-8 ({error}); export it anew") from error


def _vertex(row: Row) -> Vertex:
    return Vertex(
        _whole(row, "vertex_id"),
        _number(row, "y", -_MOST_LATITUDE, _MOST_LATITUDE),
        _number(row, "x", -_MOST_LONGITUDE, _MOST_LONGITUDE),
        _number(row, "elevation", -500, 9_000),
        has_signal=(row["highway"] or "") == "traffic_signals",
    )


def _segment(row: Row, segment_id: int, index: dict[int, int], vertices: tuple[Vertex, ...]) -> Segment:
    start, end = (_known(row, column, index) for column in ("src_vertex_id", "dst_vertex_id"))
    ends = [(vertices[i].latitude_deg, vertices[i].longitude_deg) for i in (start, end)]
    shape = _shape(row["geometry"] or "") or tuple(ends)
    for position, vertex, column in zip(ends, (shape[0], shape[-1]), ("src", "dst"), strict=True):
        if great_circle_m(position, vertex) > _FURTHEST_END_M:
            raise _Complaint(f"geometry ends {_FURTHEST_END_M:g} m or more from {column}_vertex_id; turn it or mend it")
    return Segment(
        segment_id,
        start,
        end,
        _positive(row, "distance", math.inf),
        _positive(row, "speed_kph", _FASTEST_KMH),
        _number(row, "grade", -_STEEPEST, _STEEPEST),
        (_several(row["highway"]) or ["unclassified"])[0],
        " / ".join(_several(row["name"])),
        shape,
    )


def _known(row: Row, column: str, index: dict[int, int]) -> int:
    vertex_id = _whole(row, column)
    if vertex_id not in index:
        raise _Complaint(f"{column} is {vertex_id}, which is missing in vertices.csv; add the vertex or drop the edge")
    return index[vertex_id]


def _whole(row: Row, column: str) -> int:
    try:
        return int(row[column])
    except (TypeError, ValueError) as error:
        raise _Complaint(f"{column} is {row[column]!r}, not a whole number; mend it") from error


def _number(row: Row, column: str, least: float, most: float) -> float:
    try:
        number = float(row[column])
    except (TypeError, ValueError) as error:
        raise _Complaint(f"{column} is {row[column]!r}, not a number; mend it") from error
    if not least <= number <= most:
        raise _Complaint(f"{column} is {row[column]!r}, outside {least:g}..{most:g}; mend it")
    return number


def _positive(row: Row, column: str, most: float) -> float:
    number = _number(row, column, 0, most)
    if number == 0 or math.isinf(number):
        raise _Complaint(f"{column} is {row[column]!r}, and must be a number above 0; mend it")
    return number


def _several(field: str | None) -> list[str]:
    """Read OSMnx's way of writing one value or a Python list of values."""
    text = field or ""
    if text.startswith("["):
        try:
            return [str(value) for value in ast.literal_eval(text)]
        except (SyntaxError, ValueError):
            return [text]
    return [text] if text else []


def _shape(text: str) -> tuple[Position, ...]:
    """Read a well-known-text line (longitude before latitude); an empty field is no line."""
    if not text:
        return ()
    line = _LINE.fullmatch(text.strip())
    try:
        points = [tuple(map(float, point.split())) for point in line[1].split(",")] if line else []
        shape = tuple((latitude, longitude) for longitude, latitude in points)
    except ValueError:
        shape = ()
    within = all(abs(lat) <= _MOST_LATITUDE and abs(lon) <= _MOST_LONGITUDE for lat, lon in shape)
    if len(shape) < 2 or not within:  # noqa: PLR2004 - a line has two ends
        raise _Complaint(f"geometry is {text[:60]!r}, not LINESTRING (longitude latitude, ...); mend it or empty it")
    return shape
