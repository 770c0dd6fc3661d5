"""The command line: `api serve`, `api projector`, `api keys`, and what asks a running API."""

from __future__ import annotations

import logging
import sys

from pydantic_settings import CliApp, get_subcommand

from api.clock import now_ms
from api.settings import (
    AddKey,
    AlertsAsked,
    ApiSettings,
    AttentionAsked,
    ClientSettings,
    EraseSettings,
    KeysSettings,
    ListKeys,
    NotifierSettings,
    ProjectorSettings,
    RankingAsked,
    RevokeKey,
    RouteAsked,
    ServeSettings,
)
from observability.program import run, run_to_end


def _main() -> int:
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of its plugins at every start
    chosen = get_subcommand(CliApp.run(ApiSettings), is_required=True)
    if isinstance(chosen, ServeSettings):
        from api.server import serve  # noqa: PLC0415 - the projector needs no web server

        serve(chosen)
    elif isinstance(chosen, ProjectorSettings):
        from api.projector.program import project  # noqa: PLC0415 - as above

        run_to_end(project(chosen))
    elif isinstance(chosen, NotifierSettings):
        from api.notifier.program import notify  # noqa: PLC0415 - as above

        run_to_end(notify(chosen))
    elif isinstance(chosen, ClientSettings):
        _ask(chosen)
    elif isinstance(chosen, EraseSettings):
        from api.erasure import erase  # noqa: PLC0415 - as above

        run_to_end(erase(chosen, now_ms))
    elif isinstance(chosen, KeysSettings):
        _keys(get_subcommand(chosen, is_required=True))
    return 0


def _ask(asked: ClientSettings) -> None:
    from api.client import commands  # noqa: PLC0415 - as above

    logging.getLogger("httpx").setLevel(logging.WARNING)
    if isinstance(asked, AttentionAsked):
        commands.attention(asked)
    elif isinstance(asked, RankingAsked):
        commands.ranking(asked)
    elif isinstance(asked, AlertsAsked):
        commands.alerts(asked)
    elif isinstance(asked, RouteAsked):
        commands.route(asked)


def _keys(chosen: object) -> None:
    from api.security.administration import add_key, list_keys, revoke_key  # noqa: PLC0415 - as above

    if isinstance(chosen, AddKey):
        add_key(chosen, now_ms)
    elif isinstance(chosen, RevokeKey):
        revoke_key(chosen, now_ms)
    elif isinstance(chosen, ListKeys):
        list_keys(chosen)


def main() -> None:
    """Run the program named by the command line."""
    sys.exit(run("api", _main))


if __name__ == "__main__":
    main()
