from __future__ import annotations

import pytest

from stack.summary import stream_line


@pytest.mark.parametrize(("alerts", "said"), [(0, "0 alerts raised"), (1, "1 alert raised"), (2, "2 alerts raised")])
def test_one_alert_is_singular(alerts: int, said: str) -> None:
    assert f"; {said};" in stream_line(readings=1, hot_lag=0, cold_lag=0, alerts=alerts, p50_ms=None)
