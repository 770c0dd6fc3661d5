"""Which programs make up the application, and the flags that join them. Pure."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from typing import Final

from contracts.errors import InvalidInput
from stack.ports import LOOPBACK
from stack.program import Program
from stack.run_folder import RunFolder
from stack.settings import DemoSettings

_GIVING_WAY: Final = ("nice", "-n", "5")


@dataclass(frozen=True, slots=True)
class Ports:
    """Who listens where on loopback."""

    kafka: int
    controller: int
    api: int
    hot_path: int
    cold_path: int
    projector: int
    simulator: int
    control: int

    @property
    def bootstrap(self) -> str:
        """Kafka's address."""
        return f"{LOOPBACK}:{self.kafka}"

    @property
    def control_url(self) -> str:
        """The address by which the fleet is steered."""
        return f"http://{LOOPBACK}:{self.control}"

    @property
    def api_url(self) -> str:
        """The address of the API and its dashboard."""
        return f"http://{LOOPBACK}:{self.api}"


_READINGS_OF_A_CARS_DAY: Final = 48
"""Six trips of at most 35 minutes, a reading every five of them: what the thinnest history may come to."""


def check_history(settings: DemoSettings) -> None:
    """Tell before anything starts what the simulator would refuse later. Raises InvalidInput, in the demo's flags."""
    # A span that begins within a day takes trips from one day more.
    enough = _READINGS_OF_A_CARS_DAY * settings.history_vehicles * (math.ceil(settings.history_days) + 1)
    if settings.history_limit < enough:
        raise InvalidInput(
            f"--history-limit {settings.history_limit} is too small for {settings.history_vehicles} cars over "
            f"{settings.history_days:g} days, which may need {enough}: raise it, or lower --history-vehicles or "
            "--history-days"
        )


def history(settings: DemoSettings, folder: RunFolder, ports: Ports) -> Program:
    """Give the program that writes the days before today, and ends."""
    return _program(
        "history", "simulator", "history", bootstrap=ports.bootstrap, vehicles=settings.history_vehicles,
        days=settings.history_days, limit=settings.history_limit, seed=settings.seed,
        truth=folder.truth, logbook=folder.logbook, once=True,
    )  # fmt: skip


FAULT_REPAIR = "30s"
"""Soon enough that a short demo shows the end of an alert too."""


def simulator(settings: DemoSettings, folder: RunFolder, ports: Ports) -> Program:
    """Give the program that is the fleet, live."""
    return _program(
        "simulator", "simulator", "run", status=ports.simulator, bootstrap=ports.bootstrap, truth=folder.truth,
        vehicles=settings.vehicles, rate=settings.rate, seed=settings.seed, fault_rate=settings.fault_rate,
        fault_repair=FAULT_REPAIR, control=ports.control, logbook=folder.logbook,
    )  # fmt: skip


def score(folder: RunFolder, ports: Ports) -> Program:
    """Give the program that holds the alerts against the truth about the faults."""
    return _program(
        "score", "simulator", "score", bootstrap=ports.bootstrap, truth=folder.truth, once=True, json=True
    )  # fmt: skip


def hot_path(ports: Ports) -> Program:
    """Give the program that raises alerts."""
    return _program("hot-path", "hot_path", "run", status=ports.hot_path, bootstrap=ports.bootstrap)


def cold_path(settings: DemoSettings, folder: RunFolder, ports: Ports) -> Program:
    """Give the program that computes the batch views, again and again."""
    program = _program(
        "cold-path", "cold_path", "run", status=ports.cold_path, bootstrap=ports.bootstrap, wait="60s",
        lake=folder.lake, views=folder.views, every=f"{settings.every:g}s", driver_memory=settings.driver_memory,
        spark_log=folder.logs / "spark.log",
    )  # fmt: skip
    return _giving_way(program)


def projector(folder: RunFolder, ports: Ports) -> Program:
    """Give the program that fills the store."""
    return _program(
        "projector", "api", "projector", status=ports.projector, bootstrap=ports.bootstrap, store=folder.store_url,
        views=folder.views,
    )  # fmt: skip


def api(folder: RunFolder, ports: Ports) -> Program:
    """Give the program that answers."""
    return _program(
        "api", "api", "serve", ready=f"{ports.api_url}/health/ready", host=LOOPBACK, port=ports.api,
        bootstrap=ports.bootstrap, store=folder.store_url, views=folder.views, lake=folder.lake,
        keys=folder.root / "api" / "keys.json", audit=folder.root / "api" / "audit.jsonl",
        simulator_control=ports.control_url,
    )  # fmt: skip


def verify(folder: RunFolder, ports: Ports) -> Program:
    """Give the program that compares the merged answers with a fold of its own over the raw records."""
    program = _program(
        "verify", "cold_path", "verify", bootstrap=ports.bootstrap, store=folder.store_url, views=folder.views,
        lake=folder.lake, api=ports.api_url, once=True, json=True,
    )  # fmt: skip
    return _giving_way(program)


def _giving_way(program: Program) -> Program:
    """Let what may take seconds go behind what must take milliseconds, on a machine of few cores."""
    return replace(program, command=(*_GIVING_WAY, *program.command))


def _program(
    name: str, module: str, verb: str, *, status: int | None = None, ready: str | None = None, once: bool = False,
    **flags: object,
) -> Program:  # fmt: skip
    given = flags if status is None else flags | {"status_port": status}
    address = ready if status is None else f"http://{LOOPBACK}:{status}/health/ready"
    command = (sys.executable, "-P", "-m", module, verb, *_written(given))
    return Program(name, command, ready=address, once=once)


def _written(flags: dict[str, object]) -> list[str]:
    written: list[str] = []
    for name, value in flags.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            written.append(flag)
        elif value is not None:
            written += [flag, str(value)]
    return written
