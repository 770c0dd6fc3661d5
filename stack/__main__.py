"""The command `stack`: broker, topics, jars, demo."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path

from pydantic_settings import BaseSettings, CliApp, CliSubCommand, SettingsConfigDict, get_subcommand

from contracts.errors import InvalidInput
from observability.plain_text import print_error, print_line
from observability.program import run
from observability.terminal import Table
from stack.broker import BrokerFiles
from stack.cluster import Cluster
from stack.demo import run_demo
from stack.environment import cache_folder, machine_environment
from stack.jars import JAR_SETS, fetch_jars
from stack.java import find_java
from stack.occupied import sole_broker
from stack.settings import BrokerSettings, DemoSettings, JarsSettings, JavaSettings, TopicsSettings
from stack.topics import ensure_topics
from stack.voice import a_console


class Stack(BaseSettings):
    """The local runner: a real Kafka broker, the topics, and the whole application in a demo."""

    model_config = SettingsConfigDict(
        cli_prog_name="stack", cli_kebab_case=True, cli_implicit_flags=True, cli_enforce_required=True, extra="forbid"
    )

    broker: CliSubCommand[BrokerSettings]
    topics: CliSubCommand[TopicsSettings]
    jars: CliSubCommand[JarsSettings]
    java: CliSubCommand[JavaSettings]
    demo: CliSubCommand[DemoSettings]


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run("stack", _main))


def _main() -> int:
    # The client tells each try while a broker comes up or is replaced; what it means is said once, in plain words.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    chosen = get_subcommand(CliApp.run(Stack, cli_cmd_method_name="_nothing"), is_required=False)
    match chosen:
        case None:
            raise InvalidInput("say which: broker, topics, jars or demo; `stack --help` tells more")
        case BrokerSettings():
            return _broker(chosen)
        case TopicsSettings():
            return _topics(chosen)
        case DemoSettings():
            return run_demo(chosen)
        case JavaSettings():
            return _java()
        case _:
            return _jars()


def _broker(settings: BrokerSettings) -> int:
    data = settings.data if settings.brokers == 1 else settings.data / f"{settings.brokers}-brokers"
    with sole_broker(data):
        return _broker_in(data, settings)


def _broker_in(data: Path, settings: BrokerSettings) -> int:
    files = BrokerFiles.found(machine_environment())
    started = Cluster(files, data=data, brokers=settings.brokers, port=settings.port, heap_mb=settings.heap_mb)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        started.start()
        started.wait_ready()
        if started.brokers[0].port != settings.port:
            print_line(f"port {settings.port} is taken")
        print_line(f"Kafka listens at {started.bootstrap}; data in {data}; Ctrl-C stops it")
        ended = started.wait_for_an_end()
        print_error(f"a broker ended by itself (exit code {ended})")
    except KeyboardInterrupt:
        return 0
    finally:
        started.stop()
    return 1


def _topics(settings: TopicsSettings) -> int:
    ensured = asyncio.run(ensure_topics(settings.bootstrap, wait_s=settings.wait))
    table = Table("topic", "key", "value", "partitions", "")
    for topic, outcome in ensured:
        table.add_row(topic.name, topic.key, topic.value, str(topic.partitions), outcome)
    a_console().print(table)
    return 0


def _jars() -> int:
    environment = machine_environment()
    cache = cache_folder(environment)
    java = find_java(environment, shims=cache)
    folders: list[Path] = [fetch_jars(jar_set, java=java, cache=cache) for jar_set in JAR_SETS]
    for folder in folders:
        print_line(f"{len(list(folder.glob('*.jar')))} jars in {folder}")
    return 0


def _java() -> int:
    environment = machine_environment()
    print_line(str(find_java(environment, shims=cache_folder(environment)).parent.parent))
    return 0


if __name__ == "__main__":
    main()
