"""How two series go together, and by how much one is ahead of the other. Pure.

Neighbouring values of a series are alike, so n pairs are worth fewer: n / (1 + 2 Σ (1 - k/n) ρa(k) ρb(k)), with the
autocorrelations of both (Bartlett 1935; Bayley & Hammersley 1946). The interval is Fisher's (1915): atanh r ± 1.96 /
√(n - 3) with that number for n. As the best of many lags is always better than most by chance, it is told how large a
correlation somewhere among them would be by chance in one of twenty such questions (Bonferroni).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEWEST_PAIRS = 20
SURE = 0.95
# Series that drift always seem to go together, so their changes are compared (Granger & Newbold 1974). One may drift
# where n (1 - ρ) is smaller than this, with the autocorrelation ρ of neighbours: 5 % of walks have more (Dickey and
# Fuller 1979).
DRIFTS = 14.0


class TooFewPairs(Exception):
    """The series have too few moments in common, or one of them is constant; the message says which."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """The lag (in steps) at which two series go together most; positive: the second one follows the first.

    `low` and `high` are the interval of `r`; `pairs` how many there are, `worth` as how many independent ones they
    count. `lag_low` to `lag_high` are lags around the best one that do as well, within the interval. `by_chance` is the
    correlation that is reached in one of twenty questions of this kind without any connection. `profile` has r by lag.
    """

    r: float
    low: float
    high: float
    lag: int
    lag_low: int
    lag_high: int
    pairs: int
    worth: float
    by_chance: float
    is_differenced: bool
    profile: tuple[tuple[int, float | None], ...]

    @property
    def is_more_than_chance(self) -> bool:
        """Tell whether the best correlation is larger than one that comes by chance."""
        return abs(self.r) > self.by_chance


def correlate(first: Floats, second: Floats, max_lag: int, differenced: bool | None = None) -> Correlation:
    """Correlate two series on the same regular grid (nan is missing), at lags up to so many steps either way.

    Without `differenced` changes are compared where both series seem to drift. Raises TooFewPairs.
    """
    if differenced is None:
        differenced = _drifts(first) and _drifts(second)
    if differenced:
        first, second = np.diff(first), np.diff(second)
    found = {lag: _at(first, second, lag) for lag in range(-max_lag, max_lag + 1)}
    known = {lag: pair for lag, pair in found.items() if pair is not None}
    if not known:
        raise TooFewPairs(f"There are fewer than {FEWEST_PAIRS} moments at which both came and moved.")
    lag = max(known, key=lambda lag: (abs(known[lag][0]), -abs(lag)))
    r, pairs = known[lag]
    worth = worth_of(first, second, pairs)
    low, high = _interval(r, worth)
    near = low if r > 0 else -high
    sign = 1 if r > 0 else -1
    lag_low = lag_high = lag
    while lag_low - 1 in known and sign * known[lag_low - 1][0] >= near:
        lag_low -= 1
    while lag_high + 1 in known and sign * known[lag_high + 1][0] >= near:
        lag_high += 1
    return Correlation(
        r, low, high, lag, lag_low, lag_high, pairs, worth, _by_chance(worth, len(known)), differenced,
        tuple((at, None if pair is None else pair[0]) for at, pair in found.items()),
    )  # fmt: skip


def _at(first: Floats, second: Floats, lag: int) -> tuple[float, int] | None:
    """Return the correlation of the first series with the second one so many steps later, and the number of pairs."""
    size = len(first) - abs(lag)
    if size < FEWEST_PAIRS:
        return None
    one = first[:size] if lag >= 0 else first[-lag:]
    other = second[lag:] if lag >= 0 else second[:size]
    there = ~(np.isnan(one) | np.isnan(other))
    if there.sum() < FEWEST_PAIRS:
        return None
    one, other = one[there] - one[there].mean(), other[there] - other[there].mean()
    size_of_both = math.sqrt(float((one**2).sum()) * float((other**2).sum()))
    if size_of_both <= 1e-12 * len(one):
        return None
    return max(-1.0, min(1.0, float((one * other).sum()) / size_of_both)), len(one)


def worth_of(first: Floats, second: Floats, pairs: int) -> float:
    """Return as how many independent pairs the pairs of two series count, 4 at least and `pairs` at most."""
    reach = max(1, min(len(first) // 4, 500))
    one, other = autocorrelations(first, reach), autocorrelations(second, reach)
    share = 1 - np.arange(1, reach + 1) / max(pairs, reach + 1)
    # Far lags are mere noise, which would add up: the sum ends where both have lost their memory.
    product = one * other
    lost = np.flatnonzero((np.abs(one) < 0.05) | (np.abs(other) < 0.05))
    product = product[: lost[0]] if len(lost) else product
    return max(4.0, min(float(pairs), pairs / max(1e-9, 1 + 2 * float((share[: len(product)] * product).sum()))))


def autocorrelations(series: Floats, reach: int) -> Floats:
    """Return how a series goes together with itself 1 to `reach` steps later; what is missing does not count."""
    centred = series - np.nanmean(series)
    there = ~np.isnan(centred)
    filled = np.where(there, centred, 0.0)
    variance = float((filled**2).sum()) / max(1, int(there.sum()))
    if variance <= 0:
        return np.zeros(reach)
    found = np.zeros(reach)
    for lag in range(1, min(reach, len(series) - 1) + 1):
        both = int((there[:-lag] & there[lag:]).sum())
        found[lag - 1] = float((filled[:-lag] * filled[lag:]).sum()) / both / variance if both else 0.0
    return np.clip(found, -1.0, 1.0)


def _drifts(series: Floats) -> bool:
    count = int((~np.isnan(series)).sum())
    return count > FEWEST_PAIRS and count * (1 - float(autocorrelations(series, 1)[0])) < DRIFTS


def _interval(r: float, worth: float) -> tuple[float, float]:
    reach = NormalDist().inv_cdf((1 + SURE) / 2) / math.sqrt(worth - 3)
    middle = math.atanh(max(-1 + 1e-12, min(1 - 1e-12, r)))
    return math.tanh(middle - reach), math.tanh(middle + reach)


def _by_chance(worth: float, lags: int) -> float:
    return math.tanh(NormalDist().inv_cdf(1 - (1 - SURE) / (2 * lags)) / math.sqrt(worth - 3))


def without_rhythm(series: Floats, season: int) -> Floats:
    """Return a series without the mean of each place in a season, a day for instance."""
    places = np.arange(len(series)) % season
    there = ~np.isnan(series)
    count = np.bincount(places[there], minlength=season)
    added = np.bincount(places[there], weights=series[there], minlength=season)
    usual = np.where(count > 0, added / np.maximum(count, 1), np.nan)
    return np.asarray(series - usual[places], dtype=np.float64)
