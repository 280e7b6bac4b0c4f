"""What in a policy is allowed but does nothing, or does more than its author may think."""

from __future__ import annotations

from collections.abc import Iterator

from handrail.policy.document import ActionEntry, Document, RuleEntry
from handrail.policy.evaluate import Policy
from handrail.policy.plans import normal
from handrail.policy.syntax import Binary, Literal, Name, Node, children, parse
from handrail.policy.terms import EXPIRY_ORDER


def advice(policy: Policy, *, now: int) -> list[str]:
    """Sentences for `handrail policy check`. None of them makes a policy invalid."""
    document = policy.document
    made: list[str] = []
    if not document.escalation_policies:
        made.append("no action is declared, so every proposal goes to a person")
    for entry in document.escalation_policies:
        made.extend(_of_action(entry))
    if believed := _believed(document):
        made.append(
            f"the confidence that a program states of itself is believed for {', '.join(believed)}: fit calibrators "
            "from answers (handrail calibrate), or say defaults.stated_confidence: refuse"
        )
    for rule in document.rules:
        made.extend(_of_rule(policy, rule))
    for grant in document.grants:
        owner = policy.action(grant.action)
        if grant.expires <= now:
            made.append(f"grant {grant.id} has expired")
        if owner is not None and owner.undo is None:
            made.append(
                f"grant {grant.id} lifts nothing for actions: {grant.action} names no undo, so it is irreversible"
            )
    feedback = document.feedback_pipeline
    if feedback.store != "database":
        made.append(
            f"feedback_pipeline.store {feedback.store}: labels and batches are kept in handrail's own database; "
            "other systems hear of them through webhooks and the retraining hook"
        )
    if feedback.retrain_trigger is not None and feedback.retrain_trigger < feedback.batch_size:
        made.append(
            "feedback_pipeline: labels count towards retraining a batch at a time, so every "
            f"{feedback.retrain_trigger} means every {feedback.batch_size}"
        )
    for window in document.windows:
        if window.name not in policy.windows_read:
            made.append(f"window {window.name} is read by no rule")
    return made


def _believed(document: Document) -> list[str]:
    """Actions that a stated confidence can let through."""
    if document.defaults.stated_confidence == "refuse":
        return []
    return [
        entry.action_type for entry in document.escalation_policies
        if entry.auto_approve_threshold is not None and entry.calibrator is None
        and entry.autonomy not in ("confirm", "collaborate", "human_leads")
    ]  # fmt: skip


def _of_action(entry: ActionEntry) -> Iterator[str]:
    name = entry.action_type
    bare = entry.auto_approve_threshold is None and entry.soft_review_threshold is None
    if entry.target_error is not None and entry.auto_approve_threshold is None:
        yield f"{name} has a target_error and no certified threshold yet: handrail tune --action {name}"
    elif bare and entry.autonomy is None and entry.gate != "value":
        yield f"{name} has neither threshold nor autonomy, so every proposal of it goes to a person"
    if entry.autonomy in ("confirm", "collaborate", "human_leads") and entry.auto_approve_threshold is not None:
        yield f"{name} has autonomy {entry.autonomy}: its thresholds change nothing"
    if entry.on_expiry == "unsafe_approve":
        yield f"{name} is approved when nobody answers in time (unsafe_approve)"
    if entry.irreversible or normal(name) in {normal(tool) for tool in entry.irreversible_actions_always_gate}:
        yield f"{name} is irreversible: every proposal of it goes to a person"


def _of_rule(policy: Policy, rule: RuleEntry) -> Iterator[str]:
    base = policy.document.defaults.on_expiry
    owners = [owner for action in rule.actions if (owner := policy.action(action)) is not None]
    bases = [owner.on_expiry or base for owner in owners] or [base]
    wanted = rule.route.on_expiry
    if wanted is not None and all(EXPIRY_ORDER.index(wanted) < EXPIRY_ORDER.index(had) for had in bases):
        yield f"rule {rule.id}: on_expiry {wanted} never wins over {bases[0]}, which is stricter"
    slas = [owner.sla_seconds for owner in owners if owner.sla_seconds is not None]
    wait = rule.route.deadline_seconds
    if wait is not None and slas and len(slas) == len(owners) and wait >= max(slas):
        yield f"rule {rule.id}: deadline_seconds {wait} is never shorter than sla_seconds {max(slas)}"
    for action in rule.actions:
        if policy.action(action) is None:
            yield f"rule {rule.id} names {action}, which no entry declares"
    if rule.when and not rule.actions:
        then = "denies" if rule.route.deny or rule.route.tier == "deny" else "gates"
        for name in _unguarded(parse(rule.when)):
            yield f"rule {rule.id} orders {name} for every action: where there is none it cannot be judged, and {then}"


def _unguarded(tree: Node) -> list[str]:
    """Numbers that may be absent, compared without asking whether they are there."""
    ordered, guarded = set(), set()
    stack = [tree]
    while stack:
        node = stack.pop()
        stack.extend(children(node))
        if isinstance(node, Binary):
            names = {part.name for part in (node.left, node.right) if isinstance(part, Name)} & {"amount", "confidence"}
            nulls = any(isinstance(part, Literal) and part.kind == "null" for part in (node.left, node.right))
            if nulls:
                guarded |= names
            elif node.operator in ("<", "<=", ">", ">="):
                ordered |= names
    return sorted(ordered - guarded)
