"""All the child processes of one run: started, watched together, stopped in order, none left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from stack.child import Child, Say
from stack.program import Program

T = TypeVar("T")


class Ensemble:
    """Children by name, in the order started."""

    def __init__(self, *, environment: Mapping[str, str], say: Say, logs: Path) -> None:
        """Start nothing yet; call inside a running event loop."""
        self._environment = environment
        self._say = say
        self._logs = logs
        self._children: dict[str, Child] = {}
        self._runs: dict[str, asyncio.Task[None]] = {}

    @property
    def restarts(self) -> int:
        """How often any of them had to be started again."""
        return sum(child.restarts for child in self._children.values())

    def start(self, program: Program) -> None:
        """Start a program, and keep it running."""
        log = self._logs / f"{program.name}.log"
        child = Child(program, environment=self._environment, say=self._say, log=log)
        self._children[program.name] = child
        self._runs[program.name] = asyncio.create_task(child.run(), name=program.name)

    async def finished(self, name: str) -> None:
        """Wait until a program that ends by itself has; raises ProgramFailed when it failed."""
        await asyncio.shield(self._runs[name])

    async def guard(self, story: Coroutine[Any, Any, T]) -> T:
        """Give the story's result; a program that cannot be kept running ends the story with its ProgramFailed."""
        telling = asyncio.create_task(story)
        try:
            while not telling.done():
                running = {run for run in self._runs.values() if not run.done()}
                # Programs started meanwhile join at the next look.
                await asyncio.wait({telling, *running}, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
                for run in self._runs.values():
                    if run.done() and not run.cancelled() and (error := run.exception()):
                        raise error
            return await telling
        finally:
            telling.cancel()
            await asyncio.wait({telling})

    async def stop(self, *names: str) -> None:
        """Stop these, all at once; one that never started is stopped already."""
        await asyncio.gather(*(self._children[name].stop() for name in names if name in self._children))

    async def stop_all(self, *order: tuple[str, ...]) -> None:
        """Stop the programs, one group of names after another, and whatever is in no group last."""
        for names in order:
            await self.stop(*names)
        await self.stop(*self._children)
        for run in self._runs.values():
            run.cancel()
        await asyncio.gather(*self._runs.values(), return_exceptions=True)

    def kill_all(self) -> None:
        """End all of them at once, whatever they are doing."""
        for child in self._children.values():
            child.kill()
