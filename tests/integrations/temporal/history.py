"""Builds a history as Temporal stores it, by hand: `python -m tests.integrations.temporal.history` writes the file.

One is kept for each release, so that a workflow begun under an older one is still replayed by a newer.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.converter import DataConverter

from handrail.client.durable import Outcome
from handrail.integrations.temporal import names
from handrail.integrations.temporal.calls import Approved, Proposed

FOLDER = Path(__file__).parent / "histories"
CASE = "01a1f9b3-f8fd-72f8-9281-7f8d9517e97b"
# without the first of these the SDK compares neither ids nor types
CHECKS = (1, 2)
SECONDS = 1_790_000_000
PAYING = [
    ("propose", names.PROPOSE, Proposed(tool="pay", arguments={"to": "Asha", "amount": 5}, call_id="pay"),
     Outcome(kind="open", case_id=CASE, action_digest="0" * 64, code="open")),
    ("wake", names.WAKE, CASE, None),
    ("fetch", names.FETCH, CASE, "approved"),
    ("execute", names.EXECUTE, Approved(tool="pay", case_id=CASE),
     Outcome(kind="ran", case_id=CASE, value="paid 5 to Asha", code="approved")),
]  # fmt: skip


class Writer:
    """Appends events and numbers them."""

    def __init__(self) -> None:
        self.history = History()
        self._activities = 0

    def add(self, name: str, **fields: Any) -> int:
        id = len(self.history.events) + 1
        event = HistoryEvent(event_id=id, event_type=EventType.Value(f"EVENT_TYPE_{name.upper()}"))
        event.event_time.FromSeconds(SECONDS + id)
        json_format.ParseDict(fields, getattr(event, f"{name}_event_attributes"))
        self.history.events.append(event)
        return id

    def task(self) -> int:
        """The worker looks at what is new."""
        scheduled = self.add("workflow_task_scheduled", taskQueue={"name": "clerks"})
        started = self.add("workflow_task_started", scheduledEventId=scheduled)
        return self.add(
            "workflow_task_completed", scheduledEventId=scheduled, startedEventId=started,
            sdkMetadata={"coreUsedFlags": list(CHECKS)},
        )  # fmt: skip

    def activity(self, task: int, name: str, given: Any, result: Any) -> None:
        self._activities += 1
        scheduled = self.add(
            "activity_task_scheduled", activityId=str(self._activities), activityType={"name": name},
            taskQueue={"name": "clerks"}, input=_payloads(given), workflowTaskCompletedEventId=task,
        )  # fmt: skip
        started = self.add("activity_task_started", scheduledEventId=scheduled, attempt=1)
        self.add(
            "activity_task_completed", scheduledEventId=scheduled, startedEventId=started, result=_payloads(result)
        )  # fmt: skip


def paying() -> dict[str, Any]:
    """The workflow `Paying`, whose case is approved by signal."""
    writer = Writer()
    writer.add(
        "workflow_execution_started", workflowType={"name": "Paying"}, taskQueue={"name": "clerks"}, attempt=1,
        input=_payloads("Asha", 5), originalExecutionRunId="run", firstExecutionRunId="run",
    )  # fmt: skip
    task = writer.task()
    for step, name, given, result in PAYING:
        if step == "wake":
            timer = writer.add(
                "timer_started", timerId="1", startToFireTimeout="3600s", workflowTaskCompletedEventId=task
            )  # fmt: skip
            writer.add("workflow_execution_signaled", signalName=name, input=_payloads(given))
            task = writer.task()
            writer.add("timer_canceled", timerId="1", startedEventId=timer, workflowTaskCompletedEventId=task)
        else:
            writer.activity(task, name, given, result)
            task = writer.task()
    writer.add("workflow_execution_completed", result=_payloads("paid 5 to Asha"), workflowTaskCompletedEventId=task)
    return json_format.MessageToDict(writer.history)


def _payloads(*values: Any) -> Any:
    return json_format.MessageToDict(DataConverter.default.payload_converter.to_payloads_wrapper(values))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "paying-0.1.0.json").write_text(json.dumps(paying(), indent=1) + "\n")
