"""The hot path beside a stock Faust agent and a bare aiokafka loop with the same rules, on a real broker.

Readings per CPU-second of the whole process, start-up left out; event to alert, broker time to broker time; memory,
restoring, and where the time goes. The same settings of the garbage collector for all.

    python benchmarks/hot_path.py [--quick] [--only PART,PART] [--bootstrap HOST:PORT]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from _bench import Bench
from _figures import Figures, keep, kept, tell
from _latency import latency
from _own_broker import own_broker
from _poison import poison
from _throughput import restoring, throughput, two_workers


def main() -> None:
    """Measure the parts asked for; the others' figures stay in the file as they are."""
    options = _options()
    parts = _parts(is_quick=options.quick)
    chosen = options.only.split(",") if options.only else list(parts)
    if unknown := set(chosen) - set(parts):
        raise SystemExit(f"no part {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    figures = kept("hot_path") if options.only else {}
    with tempfile.TemporaryDirectory() as folder, own_broker(options.bootstrap) as bootstrap:
        bench = Bench(bootstrap, Path(folder))
        for part in chosen:
            found = parts[part](bench)
            tell(f"hot path: {part}", found)
            figures |= found
            keep("hot_path", figures)


def _parts(*, is_quick: bool) -> dict[str, Callable[[Bench], Figures]]:
    """Give what can be measured. The large fleet is read for long enough to contain whole flushes, 10 s apart."""
    runs, seconds = (1, 8) if is_quick else (3, 12)
    rates = (5_000,) if is_quick else (5_000, 20_000, 50_000)
    small, large = ((10_000, 60), (100_000, 6)) if is_quick else ((10_000, 100), (100_000, 40))

    def latencies(bench: Bench) -> Figures:
        found = [latency(bench, "hot_path", rate, seconds=seconds) for rate in rates]
        found.append(latency(bench, "stock_faust", rates[0], seconds=seconds))
        return {name: value for figures in found for name, value in figures.items()}

    return {
        "stages": _stages,
        "throughput": lambda bench: throughput(bench, bench.backlog(*small), runs=runs),
        "large": lambda bench: throughput(bench, bench.backlog(*large), runs=runs),
        "restoring": lambda bench: restoring(bench, bench.backlog(large[0], 4)),
        "workers": lambda bench: two_workers(bench, bench.backlog(*small)),
        "latency": latencies,
        "poison": poison,
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one run each of smaller fleets, one rate")
    parser.add_argument("--only", help="parts, with commas between: " + ", ".join(_parts(is_quick=False)))
    parser.add_argument("--bootstrap", help="a broker to use; without it one is started")
    return parser.parse_args()


def _stages(_: Bench) -> Figures:
    command = [sys.executable, "-P", str(Path(__file__).with_name("_stages.py"))]
    told: Figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return told


if __name__ == "__main__":
    main()
