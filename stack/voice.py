"""What the runner says: its own phases, and every program's output under the program's name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from observability.plain_text import visible
from observability.terminal import Console, Text

_STYLES: Final[Mapping[str, str]] = {
    "kafka": "magenta",
    "history": "cyan",
    "simulator": "cyan",
    "hot-path": "red",
    "cold-path": "blue",
    "projector": "green",
    "api": "yellow",
    "verify": "blue",
}
_WIDTH: Final = max(map(len, _STYLES))
_WIDTH_WITHOUT_TERMINAL: Final = 120
_LOUD: Final = {"WARNING": "yellow", "ERROR": "bold red", "CRITICAL": "bold red"}
_NOT_SHOWN: Final = frozenset({"time", "level", "logger", "message", "error", "color_message"})


def a_console() -> Console:
    """Give the console: as wide as the terminal, and wide enough for the tables where there is none."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH_WITHOUT_TERMINAL)


def readable(line: str) -> tuple[str, str]:
    """Give (level, text) of a program's line: a JSON log line becomes phrase and fields, another stays as it is."""
    try:
        told = json.loads(line)
    except ValueError:
        return "", line
    if not isinstance(told, dict) or "message" not in told:
        return "", line
    fields = "".join(f" {name}={value}" for name, value in told.items() if name not in _NOT_SHOWN)
    error = str(told.get("error", "")).rstrip()
    text = visible(f"{told['message']}{fields}", keeps="") + (f"\n{error}" if error else "")
    return str(told.get("level", "")), text


class Voice:
    """Writes to one console from any thread; coloured on a terminal, plain elsewhere."""

    def __init__(self, console: Console) -> None:
        """Write to `console`."""
        self.console = console

    def program(self, name: str, line: str) -> None:
        """Write one line of a program's output, its name before it."""
        level, text = readable(line)
        style = _LOUD.get(level, "")
        for part in visible(text).splitlines():
            prefix = Text(f"{name:<{_WIDTH}} │ ", style=_STYLES.get(name, ""))
            self.console.print(prefix + Text(part, style=style), soft_wrap=True)

    def phase(self, text: str) -> None:
        """Write what the runner does now."""
        self.console.print(Text(f"{'stack':<{_WIDTH}} │ ", style="bold") + Text(text, style="bold"), soft_wrap=True)
