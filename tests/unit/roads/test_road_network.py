from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import InvalidInput
from roads import default_network, load_network
from roads.connection import largest_strong_part
from roads.denver import default_folder
from roads.generated_city import generated_city
from roads.geodesy import great_circle_m, length_m

VERTICES = "vertex_id,y,x,elevation,highway\n7,48.0,9.0,300,traffic_signals\n9,48.001,9.0,310,\n"
COLUMNS = "src_vertex_id,dst_vertex_id,distance,speed_kph,grade,highway,name,geometry\n"
THERE = '7,9,111.2,50,0.09,residential,Mill Lane,"LINESTRING (9.0 48.0, 9.0 48.001)"\n'
BACK = "9,7,111.2,30,-0.09,\"['primary', 'secondary']\",\"['Mill Lane', 'Old Road']\",\n"


def _folder(tmp_path: Path, *, vertices: str = VERTICES, edges: str = COLUMNS + THERE + BACK) -> Path:
    (tmp_path / "vertices.csv").write_text(vertices)
    (tmp_path / "edges.csv").write_text(edges)
    return tmp_path


def test_files_become_a_network(tmp_path: Path) -> None:
    network = load_network(_folder(tmp_path))
    there, back = network.segments
    assert [vertex.has_signal for vertex in network.vertices] == [True, False]
    assert (there.start, there.end, there.name, there.shape) == (0, 1, "Mill Lane", ((48.0, 9.0), (48.001, 9.0)))
    assert (back.start, back.end, back.name, back.road_class) == (1, 0, "Mill Lane / Old Road", "primary")
    assert back.shape == ((48.001, 9.0), (48.0, 9.0))
    assert (network.leaving, network.arriving) == (((0,), (1,)), ((1,), (0,)))


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("vertices.csv", "elevation", "altitude", "line 1: no column elevation"),
        ("vertices.csv", "48.001", "north", "line 3: y is 'north', not a number"),
        ("vertices.csv", "48.001", "91", "line 3: y is '91', outside -90..90"),
        ("vertices.csv", "48.001", "nan", "line 3: y is 'nan', outside"),
        ("vertices.csv", "\n9,", "\n7,", "vertex 7 stands there twice"),
        ("vertices.csv", "9,48.001,9.0,310,\n", "9,48.001\n", "line 3: x is None, not a number"),
        ("edges.csv", "7,9,111.2", "7,8,111.2", "line 2: dst_vertex_id is 8, which is missing in vertices.csv"),
        ("edges.csv", "7,9,111.2", "7.5,9,111.2", "line 2: src_vertex_id is '7.5', not a whole number"),
        ("edges.csv", "9,7,111.2", "9,7,-3", "line 3: distance is '-3', outside"),
        ("edges.csv", "9,7,111.2", "9,7,inf", "line 3: distance is 'inf', and must be"),
        ("edges.csv", "111.2,30", "111.2,0", "line 3: speed_kph is '0', and must be a number above 0"),
        ("edges.csv", "LINESTRING (9.0 48.0, 9.0 48.001)", "LINESTRING (9.0 48.0)", "line 2: geometry is"),
        ("edges.csv", "LINESTRING (9.0 48.0, 9.0 48.001)", "POINT (9.0 48.0)", "line 2: geometry is"),
        ("edges.csv", "9.0 48.0, 9.0 48.001", "9.0 48.001, 9.0 48.0", "line 2: geometry ends 50 m or more from src"),
        ("edges.csv", THERE + BACK, "", "no edges"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_place(tmp_path: Path, file: str, old: str, new: str, says: str) -> None:
    broken = _folder(tmp_path) / file
    broken.write_text(broken.read_text().replace(old, new))
    with pytest.raises(InvalidInput) as refusal:
        load_network(tmp_path)
    assert str(broken) in str(refusal.value)
    assert says in str(refusal.value)


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"vertices\.csv: cannot be read"):
        load_network(tmp_path)
    _folder(tmp_path)
    (tmp_path / "edges.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match=r"edges\.csv: is no CSV file in UTF-8"):
        load_network(tmp_path)


def test_the_hash_depends_on_every_value_and_on_nothing_else(tmp_path: Path) -> None:
    one = load_network(_folder(tmp_path)).hash
    same = load_network(_folder(tmp_path, edges="lanes," + COLUMNS + "2," + THERE + "1," + BACK)).hash
    other = load_network(_folder(tmp_path, edges=COLUMNS + THERE.replace("111.2", "111.3") + BACK)).hash
    assert one == same != other


def test_the_packaged_network_is_that_of_the_extract(shared: Path) -> None:
    assert default_network().hash == load_network(shared / "data" / "maps" / "denver").hash
    assert (len(default_network().vertices), len(default_network().segments)) == (482, 1_342)
    assert (default_folder() / "README.md").exists()


def test_the_drawn_shape_is_as_long_as_the_segment() -> None:
    for segment in default_network().segments:
        assert length_m(segment.shape) == pytest.approx(segment.length_m, rel=1e-3)


def test_the_strong_part_leaves_out_what_cannot_be_left_or_reached() -> None:
    assert largest_strong_part([[1], [2], [1, 3], []]) == (1, 2)
    assert len(default_network().strongly_connected) == 476


def test_a_generated_city_is_deterministic_of_the_size_asked_and_connected() -> None:
    city = generated_city(seed=5, segments=3_000)
    assert city.hash == generated_city(seed=5, segments=3_000).hash != generated_city(seed=6, segments=3_000).hash
    assert 2_800 <= len(city.segments) <= 3_000
    assert len(city.strongly_connected) == len(city.vertices)
    assert {vertex.has_signal for vertex in city.vertices} == {True, False}
    assert max(abs(segment.grade) for segment in city.segments) > 0.01


def test_the_great_circle_is_that_of_a_known_distance() -> None:
    # Nashville to Los Angeles, the example that comes with the haversine formula: 2,887 km on a radius of 6,372.8 km.
    assert great_circle_m((36.12, -86.67), (33.94, -118.40)) == pytest.approx(2_886_448, rel=1e-3)
