"""Case study: three-tier routing of card payments.

Run: python examples/studies/fraud.py [--picture FILE.svg] [--json]

20,000 simulated payments, 2 % of them fraud. A model scores each as genuine or not; a calibrator is fitted on 2,000
labelled ones, a threshold certified on 2,000 others (at most 0.5 % fraud among what goes through, 90 % sure), and
1,000 payments go through a real control plane on SQLite: routed, decided, written to the log.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

import handrail
from handrail import Proposal
from handrail.audit.trust import Trust
from handrail.audit.verify import verify
from handrail.calibration.curve import cheapest_cuts, cost_curve
from handrail.calibration.fit import fit
from handrail.calibration.thresholds import choose_threshold
from handrail.calibration.value import Costs

TARGET, DELTA = 0.005, 0.1
# in payments of usual size: one fraud let through costs 20, one genuine payment refused 1, a review 0.15
COSTS = Costs(matrix=((0.0, 20.0), (1.0, 0.0)), review=0.15, undo=0.6)
POLICY = """
escalation_policies:
  - action_type: card_payment
    auto_approve_threshold: {auto}
    soft_review_threshold: {soft}
    max_auto_approve_amount_inr: 200000
    sla_seconds: 60
    undo: refund
"""


def payments(n: int, rng: np.random.Generator) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Amount, hour, distance from home, age of the card, tries in the last hour; and which are fraud."""
    fraud = rng.random(n) < 0.02
    amount = rng.lognormal(7.0 + 0.6 * fraud, 1.0)
    hour = np.where(fraud, rng.normal(4.0, 5.0, n), rng.normal(14.0, 4.0, n)) % 24
    distance = rng.exponential(np.where(fraud, 60.0, 12.0))
    age = rng.exponential(np.where(fraud, 200.0, 700.0))
    tries = rng.poisson(np.where(fraud, 1.2, 0.3))
    return np.column_stack((amount, hour, distance, age, tries)), fraud


def play(folder: Path, policy: str, x: Any, confidence: Any, count: int) -> dict[str, Any]:
    """Send payments through the control plane one by one; how long each took, log entry included."""
    took, tiers = [], {"auto_approve": 0, "soft_review": 0, "hard_gate": 0}
    with handrail.open(folder / "fraud.db", policy=policy, agent="checkout") as hr:
        for n in range(count):
            proposal = Proposal(
                action="card_payment", arguments={"payment": n, "amount": f"{x[n, 0]:.2f}"}, amount=f"{x[n, 0]:.2f}",
                currency="INR", confidence=float(confidence[n]), undo="refund",
            )  # fmt: skip
            begun = time.perf_counter()
            tiers[hr.propose(proposal).tier] += 1
            took.append(1000 * (time.perf_counter() - begun))
        hr.plane.sealer.step()
        log = hr.plane.sealer.key(hr.plane.log).verifier
        report = verify(hr.plane.logbook(), Trust(logs=(log,)))
    return {"tiers": tiers, "p50_ms": float(np.median(took)), "p99_ms": float(np.quantile(took, 0.99)),
            "log_verified": report.exit_code == 0}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, help="draw the cost curve to this .svg or .png")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--payments", type=int, default=1000, help="how many go through the control plane")
    given = parser.parse_args()

    x, fraud = payments(20_000, np.random.default_rng(7))
    model = HistGradientBoostingClassifier(random_state=0, max_iter=60).fit(x[:8000], ~fraud[:8000])
    score = np.clip(model.predict_proba(x)[:, 1], 1e-6, 1 - 1e-6)
    fitting, certifying, later = slice(8000, 10_000), slice(10_000, 12_000), slice(12_000, None)
    calibrator = fit("auto", score[fitting], ~fraud[fitting], fitted_at=0)
    confidence = np.minimum(calibrator.apply_many(score), 1.0)
    certified = choose_threshold(confidence[certifying], ~fraud[certifying], TARGET, delta=DELTA)
    cuts = cheapest_cuts(confidence[certifying], ~fraud[certifying], COSTS)
    # what is certified may be stricter than what is cheapest, never looser
    auto = max(certified.value or 1.0, cuts.auto_approve or 1.0)
    soft = min(auto, cuts.soft_review or auto)

    through = confidence[later] >= auto
    with TemporaryDirectory() as folder:
        played = play(Path(folder), POLICY.format(auto=auto, soft=soft), x[later], confidence[later], given.payments)
    curve = cost_curve(confidence[later], ~fraud[later], COSTS)
    figures = {
        "threshold": auto, "soft_review": soft, "certified_on": certified.n, "bound": certified.bound,
        "let_through": float(through.mean()), "fraud_among_let_through": float(fraud[later][through].mean()),
        "cost_per_100": {
            "handrail": at(curve, auto), "fixed 0.95": at(curve, 0.95), "fixed 0.80": at(curve, 0.80),
            "review everything": curve[0].cost, "let everything through": curve[-1].cost,
        },
        **played,
    }  # fmt: skip
    if given.picture:
        picture(given.picture, curve, auto, certified.n)
    if given.json:
        print(json.dumps(figures))
        return
    share, fraud_share = figures["let_through"], figures["fraud_among_let_through"]
    print(f"let through at {auto:.4f} and above: {share:.1%} of payments, {fraud_share:.2%} of them fraud")
    print(f"  promised: at most {TARGET:.1%}; bound {certified.bound:.2%} on {certified.n} labels")
    for name, cost in figures["cost_per_100"].items():
        print(f"  {name:24} {cost:6.1f} per 100 payments")
    print(f"{given.payments} through the control plane: {played['tiers']}")
    print(f"  p50 {played['p50_ms']:.1f} ms, p99 {played['p99_ms']:.1f} ms each, audit entry included")
    print(f"  log verified: {played['log_verified']}")


def picture(path: Path, curve: Any, auto: float, labels: int) -> None:
    """What every cut would have cost, and where the certified one lies."""
    from handrail.cli.pictures import Level, Series, curves

    shown = [point for point in curve if point.confidence >= 0.5]
    parts = {"in all": "cost", "fraud let through": "let_through", "reviews": "reviews"}
    curves(
        path, title="What a cut costs: 8,000 later payments", x="let through at or above this confidence",
        y="cost per 100 payments", x_range=(0.5, 1.0),
        series=[Series(label=label, x=[p.confidence for p in shown], y=[getattr(p, name) for p in shown])
                for label, name in parts.items()],
        levels=[Level(at=auto, label=f"certified: {auto:.3f}", axis="x"), Level(at=0.95, label="0.95", axis="x")],
        note=f"at most {TARGET:.1%} fraud among what goes through, {1 - DELTA:.0%} sure; certified on {labels} labels",
    )  # fmt: skip


def at(curve: Any, cut: float) -> float:
    """The cost per 100 at this cut."""
    return float(next((p.cost for p in reversed(curve) if p.confidence >= cut), curve[0].cost))


if __name__ == "__main__":
    main()
