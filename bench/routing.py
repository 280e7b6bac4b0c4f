"""Routing speed: one proposal at a time, and whole columns. Prints a JSON line a figure.

Run: python bench/routing.py [--rows 1000000] [--rounds 20000]
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable

import numpy as np

from handrail.policy.columns import route_many
from handrail.policy.evaluate import Policy, compile_text
from handrail.proposal import Proposal

NOW = 1_700_000_000_000_000


def text(actions: int, *, rules: bool, pattern: bool = False) -> str:
    """A policy of so many actions; with rules, two on each action and three on all, one with a regular expression."""
    lines = ["escalation_policies:"]
    for number in range(actions):
        lines += [
            f"  - action_type: action_{number}",
            "    auto_approve_threshold: 0.95",
            "    soft_review_threshold: 0.80",
            f"    max_auto_approve_amount_inr: {10_000 + number}",
            "    require_two_reviewers_above_inr: 500000",
            "    sla_seconds: 60",
        ]
    if not rules:
        return "\n".join(lines)
    lines.append("rules:")
    for number in range(actions):
        lines += [
            f"  - {{id: new-payee-{number}, actions: [action_{number}],",
            "     when: 'has(arguments.new_payee) && arguments.new_payee == true && amount > 1000.0',",
            "     route: {tier: hard_gate, roles: [finance]}}",
            f"  - {{id: abroad-{number}, actions: [action_{number}], when: 'arguments.country != \"IN\"',",
            "     route: {tier: hard_gate}}",
        ]
    test = 'matches("^bot-[0-9]+$")' if pattern else 'startsWith("bot-")'
    lines += [
        "  - {id: night, when: 'environment == \"production\" && confidence < 0.99', route: {tier: soft_review}}",
        "  - {id: harm, when: 'categories.exists(c, c.startsWith(\"harm_\"))', route: {always_review: true}}",
        f"  - {{id: bots, when: 'agent != null && agent.{test}', route: {{tier: hard_gate}}}}",
    ]
    return "\n".join(lines)


def percentiles(call: Callable[[int], object], rounds: int) -> dict[str, float]:
    for number in range(min(rounds, 500)):
        call(number)
    times = np.empty(rounds)
    for number in range(rounds):
        begin = time.perf_counter_ns()
        call(number)
        times[number] = time.perf_counter_ns() - begin
    p50, p99, p999 = np.percentile(times, [50, 99, 99.9]) / 1000
    return {"median_us": round(p50, 2), "p99_us": round(p99, 2), "p999_us": round(p999, 2)}


def proposals(actions: int, count: int) -> list[Proposal]:
    random = np.random.default_rng(7)
    return [
        Proposal(
            action=f"action_{random.integers(actions)}",
            confidence=float(random.random()),
            amount=str(random.integers(1, 20_000)),
            currency="INR",
            principal="ann",
            agent="billing",
            environment="staging",
            arguments={"to": f"A{number}", "country": "IN", "new_payee": bool(number % 5 == 0), "note": "x" * 200},
        )
        for number in range(count)
    ]


def one_at_a_time(policy: Policy, rounds: int) -> dict[str, float]:
    stream = proposals(50, 2000)
    return percentiles(lambda number: policy.route(stream[number % 2000], now=NOW, draw=0.5), rounds)


def columns(policy: Policy, rows: int) -> float:
    random = np.random.default_rng(11)
    table = {
        "action": np.array([f"action_{number}" for number in range(55)])[random.integers(0, 55, rows)],
        "confidence": random.random(rows),
        "amount": random.integers(1, 1_000_000, rows).astype(np.float64),
        "currency": np.array(["INR", "USD"])[(random.random(rows) < 0.05).astype(int)],
    }
    best = 0.0
    for _ in range(3):
        begin = time.perf_counter()
        route_many(policy, table, now=NOW)
        best = max(best, rows / (time.perf_counter() - begin))
    return round(best)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20_000)
    options = parser.parse_args()
    plain, ruled = compile_text(text(50, rules=False)), compile_text(text(50, rules=True))
    patterned = compile_text(text(50, rules=True, pattern=True))
    machine = {"machine": platform.machine(), "python": platform.python_version()}
    print(json.dumps({"figure": "route_one_thresholds"} | one_at_a_time(plain, options.rounds) | machine))
    print(json.dumps({"figure": "route_one_cel_rules"} | one_at_a_time(ruled, options.rounds) | machine))
    print(
        json.dumps({"figure": "route_one_cel_rules_and_pattern"} | one_at_a_time(patterned, options.rounds) | machine)
    )
    rate = columns(plain, options.rows)
    print(json.dumps({"figure": "route_many", "proposals_per_second": rate, "rows": options.rows} | machine))
    begin = time.perf_counter()
    compile_text(text(50, rules=True))
    print(json.dumps({"figure": "load", "milliseconds": round((time.perf_counter() - begin) * 1e3, 1)} | machine))


if __name__ == "__main__":
    main()
