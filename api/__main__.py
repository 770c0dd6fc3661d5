"""The command line: `api serve`, `api projector`."""

from __future__ import annotations

import asyncio
import logging
import sys

from pydantic_settings import CliApp, get_subcommand

from api.settings import ApiSettings, ProjectorSettings, ServeSettings
from observability.program import run


def _main() -> int:
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of its plugins at every start
    chosen = get_subcommand(CliApp.run(ApiSettings), is_required=True)
    if isinstance(chosen, ServeSettings):
        from api.server import serve  # noqa: PLC0415 - the projector needs no web server

        serve(chosen)
    elif isinstance(chosen, ProjectorSettings):
        from api.projector.program import project  # noqa: PLC0415 - as above

        asyncio.run(project(chosen))
    return 0


def main() -> None:
    """Run the program named by the command line."""
    sys.exit(run("api", _main))


if __name__ == "__main__":
    main()
