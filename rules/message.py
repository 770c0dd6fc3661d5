"""What a person is told of an alert: the rule's message, filled from the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules.trouble_code import meanings

if TYPE_CHECKING:
    from contracts.vehicle_state import Episode
    from rules.episode import Change
    from rules.rule import Rule

_REASONS = {
    "recovered": "over: back to normal",
    "signal_lost": "over: its signals have been away for a day",
    "heard_again": "over: the car reports again",
    "rule_removed": "over: its rule is no longer in force",
}

_LONGEST = 3_900
"""Characters of the rule's part: with the reason it fits an alert, whatever a state says that somebody else wrote."""


class _Tolerant(dict[str, object]):
    """Fills what is not known with a dash: a message is never a reason to fail."""

    def __missing__(self, key: str) -> str:
        return "-"


def message(rule: Rule | None, episode: Episode, change: Change) -> str:
    """Write the sentence for one change, from the evidence at the raise (or the worst, when it got worse)."""
    seen = episode.evidence if change.state == "raised" else episode.worst
    values = _Tolerant({name.removeprefix("vehicle."): _spoken(value) for name, value in seen.items()})
    code = episode.trouble_code or "-"
    meaning = meanings().get(code)
    values["code"] = code if meaning is None else f"{code} ({_lower_first(meaning.text)})"
    # A key is no template: whoever wrote the state has chosen it.
    text = (episode.key if rule is None else _filled(rule.message, values))[:_LONGEST]
    if change.reason is None:
        return text
    fact, _, _ = text.partition(": ")  # what to do about it is over as well
    return f"{fact} ({_REASONS[change.reason]})"


def _filled(template: str, values: _Tolerant) -> str:
    try:
        return template.format_map(values)
    except (ValueError, TypeError):  # a number's format on a text, such as the dash
        return template


def _spoken(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(f"{item:g}" if isinstance(item, float) else str(item) for item in value)
    return value


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
