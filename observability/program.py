"""How a program starts and ends: settings from flags and environment, errors in one line, fixed exit codes.

0  done        2  the user's input is wrong        3  something it needs does not answer        1  a defect
130  interrupted by Ctrl-C
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_settings import SettingsError

from contracts.errors import ConnectedCarsError, InvalidInput, Unavailable
from observability.logs import set_up
from observability.plain_text import print_error

BAD_INPUT: Final = 2
UNAVAILABLE: Final = 3
INTERRUPTED: Final = 130
END_WITHIN_S: Final = 5.0

Result = TypeVar("Result")
_left_behind: list[str] = []


def run(program: str, main: Callable[[], int | None]) -> int:
    """Run `main` and return the exit code; what is wrong is told in lines a person can act on, on standard error.

    Ends the process itself when `run_to_end` has left something behind, which may hold a thread that never ends.
    """
    set_up()
    code = _exit_code(program, main)
    if _left_behind:
        logging.getLogger(program).warning("ended without waiting any longer", extra={"for": _left_behind})
        logging.shutdown()
        sys.stdout.flush()  # noqa: TID251 - nothing is written
        os._exit(code)
    return code


def run_to_end(
    work: Coroutine[Any, Any, Result],
    *,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    within_s: float = END_WITHIN_S,
) -> Result:
    """Run a program's work as `asyncio.run` does, but leave behind what does not end within a time once it is done.

    Libraries have tasks that ignore their cancellation while a server is away, and `asyncio.run` waits for them.
    """
    runner = asyncio.Runner(loop_factory=loop_factory)
    try:
        return runner.run(_with_the_rest_cancelled(work, within_s))
    finally:
        _left_behind.extend(task.get_name() for task in asyncio.all_tasks(runner.get_loop()))
        if not _left_behind:
            runner.close()


async def _with_the_rest_cancelled(work: Coroutine[Any, Any, Result], within_s: float) -> Result:
    try:
        return await work
    finally:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest, timeout=within_s)


def _exit_code(program: str, main: Callable[[], int | None]) -> int:  # noqa: PLR0911 - one exit code each
    try:
        return main() or 0
    except ValidationError as error:
        return _end(
            BAD_INPUT,
            *(_setting(program, problem["loc"], problem["msg"], problem["input"]) for problem in error.errors()),
        )
    except (InvalidInput, SettingsError) as error:
        return _end(BAD_INPUT, f"{program}: {error}")
    except Unavailable as error:
        return _end(UNAVAILABLE, f"{program}: {error}")
    except ConnectedCarsError as error:
        return _end(1, f"{program}: {error}")
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        logging.getLogger(program).exception("program ended by a defect")
        return 1


def _setting(program: str, location: tuple[int | str, ...], message: str, given: object) -> str:
    *subcommands, name = [part.replace("_", "-") for part in location if isinstance(part, str)] or [""]
    command = " ".join([program, *subcommands])
    return f"{command}: --{name}: {message} (given: {given!r}); see `{command} --help`"


def _end(code: int, *lines: str) -> int:
    print_error("\n".join(lines))
    return code
