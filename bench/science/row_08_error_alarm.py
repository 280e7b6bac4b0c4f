"""The alarm of rising error comes soon, and falsely at most at its level, however often one looks.

Protocol: simulated uniform checks, limit 2 %, level 5 %, looked at after each check. False: the share of 2,000 streams
of 2,000 checks with an error of exactly 2 % that ever alarm. Delay: the median number of checks until the alarm, of
1,000 streams with 4 % and 8 %. MAPIE's RiskMonitoring gets the limit as its threshold (24 streams of 2,500, its bound
read at every check). Weighted checks: errors spread as doubt is, 2 % of cases checked by `neyman`, 60 streams; beside
it the same bet placed on every case of the stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from figures import Figure, Options, over_seeds, share
from numpy.typing import NDArray
from scipy import stats

from handrail.calibration.monitors.alarm import first_alarm, line
from handrail.calibration.monitors.error import error_above
from handrail.calibration.monitors.weighted import WeightedError
from handrail.calibration.neyman import FLOOR, chances

NUMBER = 8
CLAIM = "The error alarm"
LIMIT, LEVEL = 0.02, 0.05
STREAMS, MAPIE_STREAMS = 1000, 24
# true error: checks within which it should be found
WANTED = {0.04: 400.0, 0.08: 65.0}


def flips(error: float, streams: int, n: int, seed: int) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random((streams, n)) < error


def daily_z(wrong: NDArray[np.bool_], every: int = 20) -> NDArray[np.bool_]:
    """Which streams a one-sided z-test alarms on, looked at after every 20 checks."""
    n = np.arange(1, wrong.shape[1] + 1)
    z = (np.cumsum(wrong, axis=1) / n - LIMIT) / np.sqrt(LIMIT * (1 - LIMIT) / n)
    return np.asarray((z[:, 2 * every - 1 :: every] > stats.norm.ppf(1 - LEVEL)).any(axis=1))


def mapie(wrong: NDArray[np.bool_]) -> NDArray[np.int64]:
    """After how many checks RiskMonitoring first says that the risk is above the limit; 0: never."""
    from mapie.exchangeability_testing.risk_monitoring import RiskMonitoring

    found = np.zeros(len(wrong), dtype=np.int64)
    for at, stream in enumerate(wrong):
        watching = RiskMonitoring(risk="accuracy", threshold=LIMIT, test_level=LEVEL, warn=False)
        watching.update(np.zeros(len(stream), dtype=int), stream.astype(int))
        over = np.asarray(watching.online_risk_lower_bound_sequence_history) > LIMIT
        found[at] = over.argmax() + 1 if over.any() else 0
    return found


def median(found: NDArray[np.int64], length: float = np.inf) -> float:
    """The median delay over all streams; those without an alarm count as long as the stream."""
    return float(np.median(np.where(found > 0, found, length)))


def parts(found: NDArray[np.int64], length: float = np.inf, n: int = 20) -> list[float]:
    """Medians of twenty parts, for an interval."""
    return [median(part, length) for part in np.array_split(found, n)]


def peer(error: float, streams: int, n: int) -> dict[str, float]:
    try:
        found = mapie(flips(error, streams, n, 9))
    except ImportError:
        return {"MAPIE RiskMonitoring": float("nan")}
    return {"MAPIE RiskMonitoring": median(found) if (found > 0).mean() > 0.5 else float("inf"),
            "MAPIE found of all %": 100.0 * float((found > 0).mean())}  # fmt: skip


def run(options: Options) -> Iterator[Figure]:
    monitor = error_above(LIMIT)
    still = flips(LIMIT, options.count(2 * STREAMS), 2000, 1)
    alarmed = first_alarm(monitor.path(still), LEVEL) > 0
    peers = {"daily z-test": float(daily_z(still).mean())}
    what = "false alarms in 2,000 checks at the limit"
    yield share(what, int(alarmed.sum()), len(alarmed), target=LEVEL, peers=peers)
    for error, wanted in WANTED.items():
        found = first_alarm(monitor.path(flips(error, options.count(STREAMS), 4000, 2)), LEVEL)
        yield over_seeds(
            f"checks until the alarm, error {error:.0%}", parts(found), target=wanted,
            peers=peer(error, options.count(MAPIE_STREAMS), 2500),
        )  # fmt: skip
    yield from weighted(options)


def weighted(options: Options) -> Iterator[Figure]:
    for times in (1, 2, 4):
        wrong, pi, every = drawn(times, options.count(60))
        ours = first_alarm(WeightedError(limit=LIMIT, least=0.02 * FLOOR).path(wrong, pi), LEVEL)
        if times == 1:
            yield share("weighted checks: false alarms at the limit", int((ours > 0).sum()), len(ours), target=LEVEL,
                        peers={"a bet on every case": float((every > 0).mean())})  # fmt: skip
        else:
            what = f"weighted checks until the alarm, error {times * LIMIT:.0%}"
            length = wrong.shape[1]
            yield over_seeds(what, parts(ours, length, 6), peers={"a bet on every case": median(every, length)})


def drawn(times: int, streams: int, cases: int = 50_000) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Wrong or not and π of the checks drawn; and when betting on every case alarms, in checks."""
    draws = np.random.default_rng(3)
    wrongs, chance, every = [], [], np.zeros(streams, dtype=np.int64)
    for at in range(streams):
        doubt = np.clip(draws.beta(0.5, 20, cases), 0, 0.24)
        doubt *= LIMIT / doubt.mean()
        pi = chances(1 - doubt, 0.02)
        wrong, checked = draws.random(cases) < np.clip(doubt * times, 0, 1), draws.random(cases) < pi
        wrongs.append(wrong[checked])
        chance.append(pi[checked])
        every[at] = every_case(wrong, checked, pi)
    n = min(map(len, wrongs))
    return np.array([w[:n] for w in wrongs]), np.array([p[:n] for p in chance]), every


def every_case(wrong: NDArray[Any], checked: NDArray[Any], pi: NDArray[Any]) -> int:
    """1 + λ(a·e/π − p₀) on every case, λ by the online Newton step; after how many checks it alarms (0: never)."""
    stake, squares, log_e, rate = 0.0, 1.0, 0.0, 2.0 / (2.0 - np.log(3.0))
    checks = 0
    for hit, seen, chance in zip((wrong & checked).tolist(), checked.tolist(), pi.tolist(), strict=True):
        gain = (1.0 / chance if hit else 0.0) - LIMIT
        checks += bool(seen)
        log_e += np.log1p(stake * gain)
        if log_e >= line(LEVEL):
            return checks
        slope = gain / (1.0 + stake * gain)
        squares += slope * slope
        stake = min(0.5 / LIMIT, max(0.0, stake + rate * slope / squares))
    return 0
