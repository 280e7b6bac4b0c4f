"""Adapters with one defect each, as frameworks and adapters really had them. The contract must find every one."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from handrail.proposal import Proposal
from handrail.testing.conformance import REGULAR, ModelCall
from tests.integrations.plain.tickets import Program, Tickets


class Obeying(Tickets):
    """Takes the framework's answer for the decision."""

    framework = "obeying"

    def wake(self, app: Program, answer: Any = REGULAR) -> None:
        if answer is True:
            for call in app.script.calls:
                app.say(0, call, self.scene.tools(app.script)[call.tool](**call.arguments))
            return
        self.run(app)


class Eager(Tickets):
    """Runs the tool whenever it is woken."""

    framework = "eager"

    def wake(self, app: Program, answer: Any = REGULAR) -> None:
        for call in app.script.calls:
            app.say(0, call, self.scene.tools(app.script)[call.tool](**call.arguments))


class Rowless(Tickets):
    """Looks at the decision, and runs the tool without a row that says so."""

    framework = "rowless"

    def result(self, pending: Any) -> str | None:
        decision = pending.decision(timeout=0)
        if decision is None:
            return None
        if decision.kind != "approved":
            return str(decision.reason)
        # every tool is `pay` here; what the reviewer left is what runs
        return self.scene.tools(self.script)["pay"](**decision.arguments)

    def run(self, app: Program) -> None:
        self.script = app.script
        super().run(app)


class Stubborn(Tickets):
    """Once a call has been decided at all, runs what the model asks for now."""

    framework = "stubborn"

    def ask(self, app: Program, call: ModelCall) -> Any:
        decided = [case for case in self.scene.cases() if case.decision is not None]
        if decided:
            return self.scene.tools(app.script)[call.tool](**call.arguments)
        return super().ask(app, call)


class Renamed(Tickets):
    """Uses an id of its own process as the run."""

    framework = "renamed"

    def run(self, app: Program) -> None:
        app.script = replace(app.script, thread=f"run-{os.getpid()}")
        super().run(app)


class ByContent(Tickets):
    """Keys calls by what they say."""

    framework = "by-content"

    def ask(self, app: Program, call: ModelCall) -> Any:
        digest = hashlib.sha256(json.dumps(call.arguments, sort_keys=True).encode()).hexdigest()
        return app.gates[call.tool].using(key=digest).request(**call.arguments)


class Crossed(Tickets):
    """Hands results out in the order in which they come."""

    framework = "crossed"

    def seen(self, app: Program) -> Any:
        told = super().seen(app)
        if len(told) < 2:
            return told
        texts = [message.text for message in told]
        return [message._replace(text=text) for message, text in zip(told, reversed(texts), strict=True)]


class Mumbling(Tickets):
    """Keeps the reason to itself."""

    framework = "mumbling"

    def result(self, pending: Any) -> str | None:
        text = super().result(pending)
        return "no" if text is not None and "rejected" in text else text


class Leaking(Tickets):
    """Parks the whole call with the framework."""

    framework = "leaking"

    def added(self, app: Program) -> Any:
        return [{"case_id": case.id, "arguments": case.arguments} for case in self.scene.open_cases()]


class Deaf(Tickets):
    """Forgets its cases when the user goes on."""

    framework = "deaf"

    def say(self, app: Program, text: str) -> None:
        Path(app.said).unlink(missing_ok=True)


class Open(Tickets):
    """Fails open: what cannot be asked is done."""

    framework = "open"

    def ask(self, app: Program, call: ModelCall) -> Any:
        try:
            return app.gates[call.tool].request(**call.arguments)
        except Exception:
            return self.scene.tools(app.script)[call.tool](**call.arguments)


class Formless(Tickets):
    """Proposes without a schema, so nobody can check an edit."""

    framework = "formless"

    def ask(self, app: Program, call: ModelCall) -> Any:
        return app.hr.propose(Proposal(action=call.tool, arguments=call.arguments, run="r", call_id=call.id))


class Retrying(Tickets):
    """Tries again when a tool raises."""

    framework = "retrying"

    def result(self, pending: Any) -> str | None:
        text = super().result(pending)
        if text is not None and "connection lost" in text:
            try:
                self.scene.effects.append("pay", {"to": "A1", "amount": 5})
            finally:
                text = "tried again"
        return text


class Hanging(Tickets):
    """Loses the call when it is woken too early: no answer ever reaches the model."""

    framework = "hanging"

    def wake(self, app: Program, answer: Any = REGULAR) -> None:
        mark = self.scene.folder / "spent"
        if mark.exists():
            return
        mark.touch()
        super().wake(app)
