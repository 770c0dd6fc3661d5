"""The one folder that keeps what a run makes: topics, lake, views, store, truth and logs."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import InvalidInput


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
    def logs(self) -> Path:
        """One file a program."""
        return self.root / "logs"

    def clear(self) -> None:
        """Remove what an earlier run left, and nothing else that may lie there."""
        for folder in (self.kafka, self.lake, self.views, self.store, self.logs):
            shutil.rmtree(folder, ignore_errors=True)
        self.truth.unlink(missing_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other demos out while this one runs; raises InvalidInput when the folder is in use."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "demo.lock").open("w") as lock:
            self._take(lock.fileno(), fcntl.flock)
            broker_lock = self.kafka / "log" / ".lock"
            if broker_lock.exists():
                with broker_lock.open("r+") as of_the_broker:
                    self._take(of_the_broker.fileno(), fcntl.lockf)
            yield

    def _take(self, descriptor: int, lock: object) -> None:
        try:
            lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # type: ignore[operator]
        except OSError:
            raise InvalidInput(
                f"{self.root} is in use by another demo or broker: stop it, or take another folder with --data"
            ) from None
