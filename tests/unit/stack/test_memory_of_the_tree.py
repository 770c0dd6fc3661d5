from __future__ import annotations

from stack.memory import Resident, resident_mb, total_bytes

JAVA = ("java", "-Xmx1g", "Spark")


def test_a_program_that_is_about_to_start_another_counts_once() -> None:
    spark = Resident(10, 1, JAVA, 2_000_000_000)
    assert total_bytes([spark, Resident(11, 10, JAVA, 2_000_400_000)]) == 2_000_000_000


def test_processes_of_other_programs_or_sizes_all_count() -> None:
    daemon = Resident(20, 10, ("python", "daemon"), 50)
    processes = [
        Resident(10, 1, JAVA, 2_000),
        daemon,
        Resident(21, 20, daemon.command, 300),
        Resident(22, 1, JAVA, 2_000),
    ]
    assert total_bytes(processes) == 2_000 + 50 + 300 + 2_000


def test_this_process_has_some() -> None:
    assert resident_mb() > 10
