"""How a program starts and ends: settings from flags and environment, errors in one line, fixed exit codes.

0  done        2  the user's input is wrong        3  something it needs does not answer        1  a defect
130  interrupted by Ctrl-C
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from pydantic import ValidationError
from pydantic_settings import SettingsError

from contracts.errors import ConnectedCarsError, InvalidInput, Unavailable
from observability.logs import set_up
from observability.plain_text import print_error

BAD_INPUT: Final = 2
UNAVAILABLE: Final = 3
INTERRUPTED: Final = 130


def run(program: str, main: Callable[[], int | None]) -> int:  # noqa: PLR0911 - one exit code each
    """Run `main` and give the exit code; what is wrong is told in lines a person can act on, on standard error."""
    set_up()
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
