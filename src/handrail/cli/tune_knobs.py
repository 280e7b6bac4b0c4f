"""`handrail tune --knobs`: search settings that have no closed form on a recorded stream, by Bayesian optimisation.

The only module that imports optuna; `handrail[tune]` brings it. The first setting tried is the one that stands, so what
is found never costs more on this stream. A seed gives the same search again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import typer

from handrail.calibration.confusion import Confusion, assumed
from handrail.canonical import parse
from handrail.cli.printing import print_json
from handrail.cli.tune_change import refuse_money
from handrail.clock import SECOND, from_iso
from handrail.errors import HandrailError, InvalidInput, Unavailable
from handrail.intake import proposal_from, proposal_from_json
from handrail.lifecycle.asking import weighed
from handrail.operations.bill import Bill, Routed, Tariff, Team, bill
from handrail.policy.amending import amended
from handrail.policy.document import Cost
from handrail.policy.evaluate import Policy, compile_text
from handrail.policy.replay import Ledger, Recorded

try:
    import optuna

    search: Any = optuna
except ImportError:
    search = None

KNOBS = ("deadlines", "quorum", "thresholds", "batch")
_FIELDS = {"deadlines": "sla_seconds", "quorum": "reviewers", "thresholds": "auto_approve_threshold"}
MOST_BATCH, MOST_PEOPLE = 20, 5
LONGEST = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One point of the search: fields by action, and how many cases a reviewer takes at once."""

    fields: dict[str, dict[str, Any]]
    batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """What the search found, beside what stood before. Costs over the whole stream."""

    before: float
    after: float
    setting: Setting
    bill: Bill
    trials: int


def tune_knobs(
    knobs: str, *, policy: Path | None, proposals: Path | None, trials: int, seed: int, output: Path | None,
    prices: tuple[float | None, float | None, float, float], team: Team, reviewers: Confusion | None, as_json: bool,
) -> None:  # fmt: skip
    """Search, print, and write the changed policy where asked; nothing is put in force."""
    names = _names(knobs)
    if policy is None or proposals is None:
        raise InvalidInput("a policy and a stream are needed", remedy="Give --policy and --proposals.")
    text = _read(policy)
    before = compile_text(text, source=str(policy))
    stream = _stream(proposals)
    tariff = _tariff(before, prices)
    table = reviewers or assumed()
    if table.n:
        team = replace(team, misses=float(table.matrix[1, 0]), refuses=float(table.matrix[0, 1]))
    found = best_setting(before, stream, names, team=team, tariff=tariff, trials=trials, seed=seed, table=table,
                         progress=_progress(trials))  # fmt: skip
    changed = _changed(text, found.setting)
    if output is not None:
        _write(output, changed)
    if as_json:
        print_json({"ok": True, "knobs": names, **asdict(found), "output": None if output is None else str(output)})
        return
    typer.echo(f"{found.trials} settings tried on {len(stream)} proposals")
    typer.echo(f"  cost {found.before:.6g} as it stands, {found.after:.6g} at best")
    for action, fields in found.setting.fields.items():
        for field, value in fields.items():
            typer.echo(f"  {action}.{field}: {value}")
    if "batch" in names:
        typer.echo(f"  cases a reviewer takes at once: {found.setting.batch} (a habit, not a policy field)")
    if output is not None:
        typer.echo(f"wrote {output}; nothing is in force yet")


def best_setting(
    policy: Policy, stream: Sequence[Recorded], knobs: Sequence[str], *, team: Team, tariff: Tariff, trials: int,
    seed: int, table: Confusion | None = None, progress: Callable[[int, float], None] | None = None,
) -> Best:  # fmt: skip
    """The cheapest setting in so many trials. Raises `Unavailable` without optuna."""
    if search is None:
        raise Unavailable(
            "searching knobs needs optuna, which is not installed", remedy="Install it: pip install 'handrail[tune]'."
        )
    actions = sorted({one.proposal.action for one in stream} & set(_declared(policy)))
    if not actions:
        raise InvalidInput(
            "the stream holds no action that the policy declares", remedy="Give the policy's own stream."
        )
    stands = _stands(policy, actions, knobs, team)
    floors = _floors(policy, actions)

    def price(trial: Any) -> float:
        setting = _suggested(trial, actions, knobs, team, floors)
        return _bill(policy, stream, setting, team, table).cost(tariff)

    search.logging.set_verbosity(search.logging.WARNING)
    study = search.create_study(
        sampler=search.samplers.TPESampler(seed=seed, n_startup_trials=min(20, trials // 4 + 1))
    )
    study.enqueue_trial(stands)
    done = (lambda study, trial: progress(trial.number + 1, study.best_value)) if progress else None
    study.optimize(price, n_trials=trials, callbacks=[done] if done else None)
    setting = _setting(study.best_params, actions, knobs, team)
    return Best(
        before=study.trials[0].value, after=study.best_value, setting=setting,
        bill=_bill(policy, stream, setting, team, table), trials=len(study.trials),
    )  # fmt: skip


def _declared(policy: Policy) -> list[str]:
    return [entry.action_type for entry in policy.document.escalation_policies]


def _stands(policy: Policy, actions: Sequence[str], knobs: Sequence[str], team: Team) -> dict[str, Any]:
    usual = policy.document.defaults.hard_gate_deadline_seconds
    people = policy.document.review_settings.min_reviewers_per_task
    made: dict[str, Any] = {"batch": team.batch} if "batch" in knobs else {}
    for action in actions:
        entry = policy.action(action)
        if entry is None:
            continue
        if "deadlines" in knobs:
            made[f"deadlines:{action}"] = min(max(entry.sla_seconds or usual, 60), LONGEST)
        if "quorum" in knobs:
            made[f"quorum:{action}"] = min(max(entry.reviewers or 1, people), MOST_PEOPLE)
        if "thresholds" in knobs and action in _floors(policy, actions):
            made[f"thresholds:{action}"] = 1.0 if entry.auto_approve_threshold is None else entry.auto_approve_threshold
    return made


def _floors(policy: Policy, actions: Sequence[str]) -> dict[str, float]:
    """The lowest threshold that may be tried: under a promise, the certified one; without that, none is searched."""
    made = {}
    for action in actions:
        entry = policy.action(action)
        if entry is None or entry.target_error is None:
            made[action] = 0.0
        elif entry.auto_approve_threshold is not None:
            made[action] = entry.auto_approve_threshold
    return made


def _suggested(
    trial: Any, actions: Sequence[str], knobs: Sequence[str], team: Team, floors: dict[str, float]
) -> Setting:
    found: dict[str, Any] = {}
    if "batch" in knobs:
        found["batch"] = trial.suggest_int("batch", 1, MOST_BATCH)
    for action in actions:
        if "deadlines" in knobs:
            found[f"deadlines:{action}"] = trial.suggest_int(f"deadlines:{action}", 60, LONGEST, log=True)
        if "quorum" in knobs:
            found[f"quorum:{action}"] = trial.suggest_int(f"quorum:{action}", 1, MOST_PEOPLE)
        if "thresholds" in knobs and action in floors:
            found[f"thresholds:{action}"] = trial.suggest_float(f"thresholds:{action}", floors[action], 1.0)
    return _setting(found, actions, knobs, team)


def _setting(found: dict[str, Any], actions: Sequence[str], knobs: Sequence[str], team: Team) -> Setting:
    fields = {
        action: {_FIELDS[knob]: found[f"{knob}:{action}"] for knob in knobs if f"{knob}:{action}" in found}
        for action in actions
    }
    return Setting(fields=fields, batch=found.get("batch", team.batch))


def _bill(
    policy: Policy, stream: Sequence[Recorded], setting: Setting, team: Team, table: Confusion | None
) -> Bill:  # fmt: skip
    entries = [
        entry.model_copy(update=_allowed(entry.soft_review_threshold, setting.fields.get(entry.action_type, {})))
        for entry in policy.document.escalation_policies
    ]
    changed = Policy(policy.document.model_copy(update={"escalation_policies": entries}), policy.text)
    ledger = Ledger(lambda policy, proposal: weighed(policy, proposal, lambda _: table))
    draws, now, routed = Random(0), 0, []
    for one in stream:
        now = max(now, one.at or now)
        route = changed.route(one.proposal, ledger.facts(changed, one.proposal, now), now=now, draw=draws.random())
        ledger.record(changed, one.proposal, route, now)
        deadline = route.deadline_seconds
        routed.append(
            Routed(
                at=now, action=one.proposal.action, tier=route.tier, reviewers=route.reviewers,
                deadline=None if deadline is None else deadline * SECOND, wrong=float(not one.correct),
                checked=route.spot_check_rate if route.tier == "auto_approve" else 0.0,
            )
        )  # fmt: skip
    return bill(routed, replace(team, batch=setting.batch))


def _allowed(soft: float | None, fields: dict[str, Any]) -> dict[str, Any]:
    """With the soft threshold held at or below the new one."""
    auto = fields.get("auto_approve_threshold")
    return fields if auto is None or soft is None or soft <= auto else {**fields, "soft_review_threshold": auto}


def _changed(text: str, setting: Setting) -> str:
    policy = compile_text(text)
    for action, fields in setting.fields.items():
        entry = policy.action(action)
        if fields and entry is not None:
            text = amended(text, action, _allowed(entry.soft_review_threshold, fields))
    return text


def _names(knobs: str) -> list[str]:
    names = [name.strip() for name in knobs.split(",") if name.strip()]
    unknown = [name for name in names if name not in KNOBS]
    if unknown or not names:
        raise InvalidInput(
            f"no knob is called {unknown[0] if unknown else ''!r}", remedy=f"Choose of {', '.join(KNOBS)}."
        )
    return names


def _stream(path: Path) -> list[Recorded]:
    """Lines of {"proposal": …, "at": RFC 3339, "correct": true/false}; only those whose answer is known."""
    found = []
    for number, line in enumerate(_read(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            given = parse(line)
            proposal = proposal_from(given["proposal"]) if "proposal" in given else proposal_from_json(line)
            at, correct = given.get("at"), given.get("correct")
            if isinstance(correct, bool):
                found.append(Recorded(proposal=proposal, at=from_iso(at) if at else None, correct=correct))
        except (HandrailError, ValueError, TypeError, AttributeError) as error:
            raise InvalidInput(f"{path}:{number}: {error}", remedy="Correct the line.") from None
    if not found:
        raise InvalidInput(
            f"{path} holds no proposal whose answer is known", remedy='Write lines of {"proposal", "at", "correct"}.'
        )
    return found


def _tariff(policy: Policy, prices: tuple[float | None, float | None, float, float]) -> Tariff:
    cost = policy.document.cost or Cost()
    review, wrong, refused, delay = prices
    refuse_money(review_price=review, error_cost=wrong, refused_cost=refused, delay_cost=delay)
    made = Tariff(
        review=review if review is not None else cost.review or 0.0,
        wrong=wrong if wrong is not None else cost.wrong or 0.0,
        refused=refused or cost.refused or 0.0,
        delay_minute=delay or cost.delay_minute or 0.0,
    )
    if made == Tariff():
        raise InvalidInput(
            "without prices every setting costs the same", remedy="Give --review-price and --error-cost."
        )
    return made


def _progress(trials: int) -> Callable[[int, float], None] | None:
    if not sys.stderr.isatty():
        return None
    return lambda number, best: typer.echo(
        f"\r{number} of {trials}, best {best:.6g}" + ("\n" if number == trials else ""), nl=False, err=True
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: {error}", remedy="Name a file that can be read.") from None


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InvalidInput(f"{path} exists, and nothing is overwritten", remedy="Name a new file.") from None
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or error}", remedy="Name a file that can be written.") from None
