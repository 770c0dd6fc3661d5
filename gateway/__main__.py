"""The command line of the gateway: `gateway run`."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

import uvloop
from pydantic_settings import BaseSettings, CliApp, CliSubCommand, SettingsConfigDict, get_subcommand

from contracts.errors import InvalidInput
from gateway.clock import now_ms
from gateway.forwarding import Forwarding
from gateway.outbox import Outbox
from gateway.settings import GatewaySettings
from gateway.subscription import Subscription
from observability.metrics import MESSAGES_HELD
from observability.program import run, run_to_end
from observability.status import serve_status

log = logging.getLogger("gateway")


class Command(BaseSettings):
    """The gateway: what cars publish over MQTT, into Kafka."""

    model_config = SettingsConfigDict(
        cli_prog_name="gateway", cli_kebab_case=True, cli_implicit_flags=True, extra="forbid"
    )

    run: CliSubCommand[GatewaySettings]


async def serve(settings: GatewaySettings) -> None:
    """Forward until SIGTERM or SIGINT. Raises Unavailable and InvalidInput at the start only."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    subscription, outbox = Subscription(settings), Outbox(settings.bootstrap)
    if settings.status_port >= 0:
        server = serve_status(settings.status_port, is_ready=lambda: subscription.is_ready and outbox.is_ready)
        log.info("status served", extra={"port": server.server_port})
    try:
        await outbox.start(settings.wait)
        await subscription.start(settings.wait)
        log.info("forwarding", extra={"mqtt": settings.mqtt, "kafka": settings.bootstrap})
        forwarding = Forwarding(subscription, outbox, clock=now_ms)
        MESSAGES_HELD.set_function(lambda: forwarding.held)
        await forwarding.until(stop)
    finally:
        await subscription.close()
        await outbox.close()


def _main() -> None:
    # What fails is told in one line by the gateway itself; theirs come once a retry.
    for library in ("aiokafka", "mqtt"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    chosen = get_subcommand(CliApp.run(Command, cli_cmd_method_name="_none"), is_required=False)
    if not isinstance(chosen, GatewaySettings):
        raise InvalidInput("say what: `gateway run`; `gateway --help` tells more")
    run_to_end(serve(chosen), loop_factory=uvloop.new_event_loop)


def main() -> None:
    """Run the program and exit with its code."""
    sys.exit(run("gateway", _main))


if __name__ == "__main__":
    main()
