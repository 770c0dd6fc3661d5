"""The demo: the whole application on one machine, from an empty folder to both answers, with figures at its end."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Final

from contracts.errors import InvalidInput
from observability.program import INTERRUPTED
from stack.ensemble import Ensemble
from stack.plan import check_history
from stack.preparation import prepare, rules_for
from stack.run_folder import RunFolder
from stack.settings import DemoSettings
from stack.story import Story
from stack.voice import Voice, a_console

_STOP_ORDER: Final = (("history", "simulator"), ("hot-path", "cold-path", "projector", "api"), ("kafka",))


def run_demo(settings: DemoSettings) -> int:
    """Run until the span is over or Ctrl-C; give the exit code."""
    if not settings.keep:
        check_history(settings)
    folder = RunFolder(settings.data.resolve())
    _writable(settings.report)
    with folder.held():
        if not settings.keep:
            folder.clear()
        return asyncio.run(_run(settings, folder))


def _writable(report: Path | None) -> None:
    if report is not None:
        try:
            report.parent.mkdir(parents=True, exist_ok=True)
            report.unlink(missing_ok=True)  # an old one must not pass for this run's
        except OSError as error:
            raise InvalidInput(f"--report {report} cannot be written: {error.strerror}") from error


async def _run(settings: DemoSettings, folder: RunFolder) -> int:
    voice = Voice(a_console())
    prepared = await asyncio.to_thread(prepare, voice.phase)
    vehicles = max(settings.vehicles, settings.history_vehicles)
    variables = {**prepared.variables, **rules_for(vehicles, folder.rules, prepared.variables)}
    prepared = prepared._replace(variables=variables)
    ensemble = Ensemble(environment=prepared.variables, say=voice.program, logs=folder.logs)
    story = Story(settings, folder=folder, voice=voice, ensemble=ensemble, prepared=prepared)
    telling = asyncio.create_task(ensemble.guard(story.tell()))
    _stop_on_signals(telling, ensemble, voice)
    try:
        return await telling
    except asyncio.CancelledError:
        return 0 if settings.span is None else INTERRUPTED
    finally:
        voice.phase("stopping all programs")
        await story.close()
        await ensemble.stop_all(*_STOP_ORDER)
        voice.phase("everything is stopped")


def _stop_on_signals(telling: asyncio.Task[int], ensemble: Ensemble, voice: Voice) -> None:
    """Let the first Ctrl-C (or SIGTERM, or a closed terminal) end the telling, the second one everything at once."""
    asked = 0

    def stop() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            voice.phase("asked to stop; Ctrl-C again ends everything at once")
            telling.cancel()
        else:
            ensemble.kill_all()
            os._exit(INTERRUPTED)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)
