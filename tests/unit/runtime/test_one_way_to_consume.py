from __future__ import annotations

from project_docs import ROOT

PROGRAMS = ("simulator", "gateway", "hot_path", "cold_path", "api", "stack", "runtime")


def test_consumers_are_made_in_one_place_which_bounds_what_they_read() -> None:
    makers = [
        str(file.relative_to(ROOT))
        for program in PROGRAMS
        for file in (ROOT / program).rglob("*.py")
        if "AIOKafkaConsumer(" in file.read_text(encoding="utf-8")
    ]
    assert makers == ["runtime/kafka/consumer.py"]
