"""The likeliest sequence of candidates (Viterbi 1967), for all trips in step."""

from __future__ import annotations

import numpy as np

from cold_path.matching.candidates import NONE
from cold_path.matching.readings import Flags, Floats, Ints


def likeliest(trip: Ints, emission: Floats, transition: Floats) -> tuple[Ints, Flags]:
    """Give the chosen candidate of each reading, and the readings at which a chain begins.

    `transition[i]` leads from the candidates of reading i-1 to those of i. Where nothing leads on, the chain breaks and
    another begins (Newson & Krumm 2009, section 4.3). Every reading has a candidate.
    """
    firsts = np.flatnonzero(np.diff(trip, prepend=NONE))
    lengths = np.diff(firsts, append=len(trip))
    longest_first = np.argsort(-lengths, kind="stable")
    firsts, lengths = firsts[longest_first], lengths[longest_first]
    begins = np.zeros(len(trip), dtype=np.bool_)
    begins[firsts] = True
    before = np.full(emission.shape, NONE, dtype=np.int64)
    best = np.zeros(len(trip), dtype=np.int64)
    score = emission[firsts]
    best[firsts] = score.argmax(axis=1)
    for step in range(1, int(lengths.max(initial=0))):
        at = firsts[: np.searchsorted(-lengths, -step, side="left")] + step
        through = score[: len(at), :, None] + transition[at]
        before[at] = through.argmax(axis=1)
        score = through.max(axis=1) + emission[at]
        is_broken = np.isneginf(score.max(axis=1))
        score[is_broken] = emission[at[is_broken]]
        begins[at[is_broken]] = True
        best[at] = score.argmax(axis=1)
        score -= score.max(axis=1, keepdims=True)
    return _traced(firsts, lengths, before, best, begins), begins


def _traced(firsts: Ints, lengths: Ints, before: Ints, best: Ints, begins: Flags) -> Ints:
    """Follow the pointers back from the end of each chain, where the best candidate is the likeliest."""
    chosen = best.copy()
    for step in range(int(lengths.max(initial=0)) - 2, -1, -1):
        at = firsts[: np.searchsorted(-lengths, -step - 1, side="left")] + step
        goes_on = ~begins[at + 1]
        on = at[goes_on]
        chosen[on] = before[on + 1, chosen[on + 1]]
    return chosen
