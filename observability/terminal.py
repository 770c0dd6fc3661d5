"""The one way to rich: its console, tables and bars, in which text is text. Only programs that have rich import this.

Rich reads `[red]` and `:car:` in any string as markup, raises on `[/red]`, and passes ESC on to the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich.console
import rich.progress
import rich.text
from rich.console import Group, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.table import Table

from observability.plain_text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import ConsoleOptions

__all__ = [
    "BarColumn",
    "Console",
    "Group",
    "MofNCompleteColumn",
    "Progress",
    "RenderableType",
    "SpinnerColumn",
    "Table",
    "TaskID",
    "Text",
    "TextColumn",
    "TimeElapsedColumn",
    "TimeRemainingColumn",
]


class Text(rich.text.Text):
    """Styled text; its control characters are escaped when it is made, so that its width is known."""

    def __init__(self, text: str = "", style: str = "") -> None:
        """Style the whole text."""
        super().__init__(visible(text), style)


class Console(rich.console.Console):
    """A console without markup and emoji codes, which lets no control character through but rich's own."""

    def __init__(self, **given: Any) -> None:
        """Take what rich's console takes by keyword."""
        super().__init__(**given | {"markup": False, "emoji": False})

    def render_str(self, text: str, **given: Any) -> rich.text.Text:
        """Return a string as text; asking for markup does not help."""
        return super().render_str(self._writable(text), **given | {"markup": False, "emoji": False})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what is written, however it came here."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=self._writable(segment.text))

    def _writable(self, text: str) -> str:
        shown = visible(text)
        return shown if shown.isascii() else shown.encode(self.encoding, "backslashreplace").decode(self.encoding)


class TextColumn(rich.progress.TextColumn):
    """A column of a progress bar, such as one with the name of a file."""

    def __init__(self, text_format: str) -> None:
        """Fill in the fields of the task."""
        super().__init__(text_format, markup=False)
