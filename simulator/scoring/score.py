"""`simulator score`: the alerts in Kafka held against the truth about the faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulator.faults.truth import read_truth
from simulator.scoring import heard
from simulator.scoring.rule_scores import RuleScore, episodes, scores, total
from simulator.settings import ScoreSettings


@dataclass(frozen=True, slots=True)
class Scored:
    """The score of each rule, over so many hours of driving."""

    rules: list[RuleScore]
    vehicle_hours: float

    @property
    def total(self) -> RuleScore:
        """All rules together."""
        return total(self.rules)

    def per_thousand_hours(self, score: RuleScore) -> float | None:
        """Give false alarms per 1,000 vehicle-hours; None where nobody drove."""
        return score.false_alarms / self.vehicle_hours * 1000 if self.vehicle_hours else None

    def is_under(self, minimum_recall: float | None) -> bool:
        """Tell whether less was found than is asked for; where nothing was injected, nothing is proven."""
        return minimum_recall is not None and (self.total.recall or 0) < minimum_recall

    def figures(self, score: RuleScore) -> dict[str, Any]:
        """Give one rule's figures by name."""
        false_per_1000_h = self.per_thousand_hours(score)
        return {
            "rule": score.rule,
            "injected": score.injected,
            "reached": score.reached,
            "detected": score.detected,
            "missed": score.missed,
            "recall": None if score.recall is None else round(score.recall, 4),
            "related_alerts": score.related,
            "false_alarms": score.false_alarms,
            "false_per_1000_vehicle_hours": None if false_per_1000_h is None else round(false_per_1000_h, 2),
            "detected_p50_s": score.within_s(0.5),
            "detected_p95_s": score.within_s(0.95),
        }


async def score(settings: ScoreSettings) -> Scored:
    """Read truth, alerts and hours. Raises InvalidInput for the file, Unavailable without a broker."""
    truth = read_truth(settings.truth)
    changes = await heard.alerts(settings.bootstrap, settings.wait)
    hours = settings.vehicle_hours
    if hours is None:
        hours = await heard.driven_hours(settings.bootstrap, settings.wait)
    return Scored(scores(truth, episodes(changes), slack_ms=round(settings.slack * 1000)), hours)
