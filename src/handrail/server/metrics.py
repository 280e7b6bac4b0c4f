"""What Prometheus reads: request latency as it happens, everything else asked for at the scrape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from handrail.canonical import parse
from handrail.clock import SECOND, from_iso
from handrail.maintenance.plane import Plane
from handrail.operations.figures import review_rate
from handrail.store import reads

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Observer(Protocol):
    def observe(self, amount: float) -> None: ...


class Metrics:
    """One server's registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._latency = Histogram(
            "handrail_request_seconds", "Time to answer, by handler.", ("handler", "method", "status"),
            buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip
        self._children: dict[tuple[str, str, int], _Observer] = {}

    def observe(self, handler: str, method: str, status: int, seconds: float) -> None:
        key = (handler, method, status // 100)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._latency.labels(handler, method, f"{key[2]}xx")
        child.observe(seconds)

    def text(self, plane: Plane, parked: int) -> bytes:
        """The whole page. Raises `Unavailable` when the database cannot answer."""
        state = CollectorRegistry()
        found = list(_state(plane, parked))
        state.register(_Fixed(found))
        return generate_latest(self.registry) + generate_latest(state)


class _Fixed:
    def __init__(self, found: list[Metric]):
        self._found = found

    def collect(self) -> Iterator[Metric]:
        yield from self._found


def _state(plane: Plane, parked: int) -> Iterator[Metric]:
    now = plane.clock.now()
    depth = GaugeMetricFamily("handrail_open_cases", "Open cases.", labels=("workspace", "queue", "tier"))
    oldest = GaugeMetricFamily(
        "handrail_oldest_case_seconds", "Age of the oldest open case.", labels=("workspace", "queue", "tier")
    )
    for workspace, queue, tier, count, opened in reads.open_everywhere(plane.store):
        depth.add_metric((workspace, queue, tier), count)
        oldest.add_metric((workspace, queue, tier), max(0, now - opened) / SECOND)
    yield depth
    yield oldest
    yield _gauge("handrail_unknown_executions", "Executions that somebody must settle.",
                 reads.unknown_executions(plane.store))  # fmt: skip
    size = GaugeMetricFamily("handrail_log_entries", "Entries of a log.", labels=("log",))
    unsigned = GaugeMetricFamily("handrail_log_unsigned_seconds", "Age of its oldest unsigned entry.", labels=("log",))
    for log, entries, _, waiting in reads.heads(plane.store):
        size.add_metric((log,), entries)
        unsigned.add_metric((log,), unsigned_seconds(waiting, now))
    yield size
    yield unsigned
    rate = review_rate(by_tier(plane, plane.workspace_id, now - reads.DAY))
    if rate is not None:
        yield _gauge("handrail_review_rate", "Share of a day's proposals that reached a person.", rate)
    yield _counter("handrail_writer_commits", "Groups committed.", plane.writer.commits)
    yield _counter("handrail_writer_verbs", "Verbs committed.", plane.writer.verbs)
    yield _gauge("handrail_writer_waiting", "Verbs that wait for a group.", plane.writer.waiting)
    yield _gauge("handrail_parked_requests", "Requests that wait for a decision, an end or an event.", parked)
    lag = GaugeMetricFamily("handrail_loop_lag_seconds", "How late a maintenance loop is.", labels=("loop",))
    failures = CounterMetricFamily("handrail_loop_failures", "Steps of a loop that failed.", labels=("loop",))
    for loop in plane.loops:
        lag.add_metric((loop.name,), loop.lag)
        failures.add_metric((loop.name,), loop.failures)
    yield lag
    yield failures
    yield _counter("handrail_retraining_runs", "Times the retraining hook ran.", plane.retraining.runs)
    yield _counter("handrail_retraining_failures", "Times it did not end well.", plane.retraining.failures)


def unsigned_seconds(waiting: bytes | None, now: int) -> float:
    """Age of the oldest entry that no checkpoint covers; 0 when all is signed."""
    if waiting is None:
        return 0.0
    return max(0.0, (now - from_iso(parse(bytes(waiting))["at"])) / SECOND)


def by_tier(plane: Plane, workspace: str, since: int) -> dict[str, int]:
    """Proposals since a moment, by tier."""
    made: dict[str, int] = {}
    for _, tier, count in reads.proposals_by_hour(plane.store, workspace, since):
        made[tier] = made.get(tier, 0) + count
    return made


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)
