"""The one folder that keeps what a run makes: topics, lake, views, store, truth and logs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stack.occupied import BROKER_LOCK, sole_broker, sole_user


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where each kind of data lies below `root`."""

    root: Path

    @property
    def kafka(self) -> Path:
        """The broker's folder."""
        return self.root / "kafka"

    @property
    def lake(self) -> Path:
        """The lake, one table."""
        return self.root / "lake"

    @property
    def views(self) -> Path:
        """The published batch views."""
        return self.root / "views"

    @property
    def store(self) -> Path:
        """The folder of the serving store."""
        return self.root / "store"

    @property
    def store_url(self) -> str:
        """The serving store's address."""
        return f"sqlite:///{self.store / 'serving.db'}"

    @property
    def truth(self) -> Path:
        """What the simulator knows about the faults it injected; no program reads it."""
        return self.root / "truth.jsonl"

    @property
    def logbook(self) -> Path:
        """The file that keeps the cars' odometers from run to run."""
        return self.root / "logbook.json"

    @property
    def rules(self) -> Path:
        """The rule file of a fleet that the usual one has no room for."""
        return self.root / "rules.toml"

    @property
    def logs(self) -> Path:
        """One file a program."""
        return self.root / "logs"

    def clear(self) -> None:
        """Remove what an earlier run left, and nothing else that may lie there; the locks stay, as they may be held."""
        for folder in (self.lake, self.views, self.store, self.logs):
            shutil.rmtree(folder, ignore_errors=True)
        for left in self.kafka.glob("*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            elif left.name != BROKER_LOCK:
                left.unlink()
        self.truth.unlink(missing_ok=True)
        self.logbook.unlink(missing_ok=True)
        self.rules.unlink(missing_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other demos and brokers out while this one runs.

        Raises InvalidInput when the folder is in use, or cannot be written.
        """
        with sole_user(self.root, "demo.lock"), sole_broker(self.kafka):
            yield
