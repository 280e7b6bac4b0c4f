"""The part of a Temporal server, played with a file: for the SDK's own worker side, where no server can be had.

A history is a file of events, appended under a lock. Workflow code runs in the SDK's sandbox and is replayed from the
first event every time; activities run in the SDK's activity environment, are tried again as their retry policy says,
and may run in several processes at once. What a real server adds (delivery, timers, its own storage) is not shown.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from temporalio.activity import _CompleteAsyncError, _Definition
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import Failure
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import ScheduleActivity, WorkflowCommand
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError, TimeoutType
from temporalio.exceptions import TimeoutError as LateError
from temporalio.plugin import SimplePlugin
from temporalio.testing import ActivityEnvironment
from temporalio.worker import WorkflowRunner
from temporalio.worker._workflow_instance import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox._runner import _fake_info
from temporalio.workflow import _Definition as WorkflowDefinition

CONVERT = DataConverter.default
Event = dict[str, Any]


@dataclass
class State:
    """A workflow as its history leaves it."""

    # scheduled and not over, by number
    pending: dict[int, ScheduleActivity]
    # result or failure, once it is over
    closed: WorkflowCommand | None
    # refusals of updates
    rejected: list[str]
    # to the query, if there was one
    answer: Any = None


class Engine:
    """One workflow id. Every process makes its own, over the same folder."""

    def __init__(self, folder: Path, workflow: type, plugin: SimplePlugin, *, workflow_id: str):
        self._history = folder / f"history-{workflow_id}"
        self._lock = folder / f"lock-{workflow_id}"
        self.workflow_id = workflow_id
        self._definition = WorkflowDefinition.must_from_class(workflow)
        config = plugin.configure_worker({"activities": [], "workflows": [workflow], "workflow_runner": None})  # type: ignore[typeddict-item]
        runner = config["workflow_runner"]
        assert isinstance(runner, WorkflowRunner)
        self._runner = runner
        # the last of each kind that this process gave out, as the workflow asked for it
        self.scheduled: dict[str, ScheduleActivity] = {}
        self._activities: dict[str, Callable[..., Any]] = {
            str(_Definition.must_from_callable(each).name): each for each in config["activities"]
        }

    # --- from outside -------------------------------------------------------------------------

    def start(self, *arguments: Any) -> None:
        with self._locked():
            if not self.events():
                self._append({"type": "start", "arguments": _packed(arguments)})

    def signal(self, name: str, *arguments: Any) -> bool:
        """Kept for the workflow; false when it is over, as a server would say `not found`."""
        return self._tell({"type": "signal", "name": name, "arguments": _packed(arguments)})

    def update(self, name: str, *arguments: Any) -> str | None:
        """None when it is accepted; else why its validator refused, of which nothing is kept."""
        event = {"type": "update", "name": name, "arguments": _packed(arguments)}
        with self._locked():
            state = self.replay([*self.events(), event])
            if state.rejected:
                return state.rejected[-1]
            self._append(event)
            return None

    def cancel(self) -> bool:
        return self._tell({"type": "cancel"})

    def fire_timers(self) -> None:
        """The time of every pending timer has come."""
        self._tell({"type": "timers"})

    def complete(self, activity_id: str, outcome: Any) -> bool:
        """An activity that waits to be completed from outside. False when it is over."""
        with self._locked():
            for seq, command in self.replay(self.events()).pending.items():
                if command.activity_id == activity_id:
                    self._append({"type": "completed", "seq": seq, "result": _packed([outcome])[0]})
                    return True
        return False

    def query(self, name: str) -> Any:
        """What the workflow answers."""
        return self.replay(self.events(), query=name).answer

    # --- a worker -----------------------------------------------------------------------------

    def work(self) -> None:
        """Until the workflow is over, or nothing is left to do but to wait."""
        asyncio.run(self._work())

    async def _work(self) -> None:
        while True:
            with self._locked():
                state = self.replay(self.events())
                todo = [] if state.closed else [self._taken(seq, each) for seq, each in state.pending.items()]
            acting = [each for each in todo if each is not None]
            if not acting:
                return
            await asyncio.gather(*acting)

    def _taken(self, seq: int, command: ScheduleActivity) -> Any:
        """The next attempt of an activity, as a coroutine; None if it waits to be completed from outside."""
        mine = [event for event in self.events() if event.get("seq") == seq]
        if mine and mine[-1]["type"] == "waits":
            return None
        last = next((event for event in reversed(mine) if event["type"] == "attempt"), None)
        attempt = 1
        if last is not None:
            # one that still runs elsewhere is given out again under its number, as a server may when it is cut off
            attempt = last["attempt"] if _lives(last["pid"]) and mine[-1] is last else last["attempt"] + 1
        most = command.retry_policy.maximum_attempts
        if most and attempt > most:
            why = mine[-1].get("failure") or _failure(
                LateError("late", type=TimeoutType.START_TO_CLOSE, last_heartbeat_details=[])
            )
            self._append({"type": "failed", "seq": seq, "failure": why})
            return asyncio.sleep(0)
        self.scheduled[command.activity_type] = command
        self._append({"type": "attempt", "seq": seq, "attempt": attempt, "pid": os.getpid()})
        return self._attempt(seq, command, attempt)

    async def _attempt(self, seq: int, command: ScheduleActivity, attempt: int) -> None:
        environment = ActivityEnvironment()
        environment.info = replace(
            ActivityEnvironment.default_info(), activity_id=command.activity_id, activity_type=command.activity_type,
            attempt=attempt, workflow_id=self.workflow_id, workflow_run_id=f"run-of-{self.workflow_id}",
        )  # fmt: skip
        function = self._activities[command.activity_type]
        hints = _Definition.must_from_callable(function).arg_types
        arguments = CONVERT.payload_converter.from_payloads(command.arguments, hints)
        try:
            result = await environment.run(function, *arguments)
            event = {"type": "completed", "seq": seq, "result": _packed([result])[0]}
        except _CompleteAsyncError:
            event = {"type": "waits", "seq": seq}
        except Exception as error:
            final = isinstance(error, ApplicationError) and error.non_retryable
            event = {"type": "failed" if final else "tried", "seq": seq, "failure": _failure(error)}
        with self._locked():
            if seq in self.replay(self.events()).pending:
                self._append(event)

    # --- history ------------------------------------------------------------------------------

    def events(self) -> list[Event]:
        if not self._history.exists():
            return []
        return [json.loads(line) for line in self._history.read_text().splitlines()]

    def decoded(self, events: list[Event]) -> list[str]:
        """Results as the text that is stored."""
        return [payload.data.decode() for event in events for payload in _unpacked([event["result"]])]

    def rewrite(self, old: str, new: str) -> None:
        """What was given to the workflow, changed behind its back."""
        first, *rest = self.events()
        for payload in (given := _unpacked(first["arguments"])):
            payload.data = payload.data.decode().replace(old, new).encode()
        first["arguments"] = [json_format.MessageToDict(payload) for payload in given]
        self._history.write_text("".join(json.dumps(event) + "\n" for event in (first, *rest)))

    def replay(self, events: list[Event], query: str = "") -> State:
        """The workflow's code against its history, from the beginning."""
        # workflow code has an event loop of its own, so it needs a thread without one
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self._replay, events, query).result()

    def _replay(self, events: list[Event], query: str) -> State:
        instance = asyncio.run(self._instance())
        state = State({}, None, [])
        timers: set[int] = set()
        for n, event in enumerate(events):
            made = _told(event, n, self, state, timers)
            if made is None or state.closed:
                continue
            _activated(instance, made, state, timers)
        if query:
            state.answer = _asked(instance, query)
        instance.activate(_activation("remove_from_cache", len(events)))
        return state

    async def _instance(self) -> WorkflowInstance:
        return self._runner.create_instance(_details(self._definition, self.workflow_id))

    def _tell(self, event: Event) -> bool:
        with self._locked():
            if self.replay(self.events()).closed:
                return False
            self._append(event)
            return True

    def _append(self, event: Event) -> None:
        with self._history.open("a") as file:
            file.write(json.dumps(event) + "\n")
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def initialize(self, made: WorkflowActivation, event: Mapping[str, Any]) -> None:
        job = made.jobs[0].initialize_workflow
        job.workflow_type = str(self._definition.name)
        job.workflow_id = self.workflow_id
        job.randomness_seed = 4711
        job.arguments.extend(_unpacked(event["arguments"]))


def _asked(instance: WorkflowInstance, query: str) -> Any:
    made = _activation("query_workflow", 0)
    made.jobs[0].query_workflow.query_id = "q"
    made.jobs[0].query_workflow.query_type = query
    answer = instance.activate(made).successful.commands[0].respond_to_query
    assert answer.HasField("succeeded"), answer
    return CONVERT.payload_converter.from_payload(answer.succeeded.response)


def _told(event: Event, n: int, engine: Engine, state: State, timers: set[int]) -> WorkflowActivation | None:
    """An event as the SDK hears of it."""
    kind = event["type"]
    if kind == "start":
        made = _activation("initialize_workflow", n)
        engine.initialize(made, event)
    elif kind == "signal":
        made = _activation("signal_workflow", n)
        made.jobs[0].signal_workflow.signal_name = event["name"]
        made.jobs[0].signal_workflow.input.extend(_unpacked(event["arguments"]))
    elif kind == "update":
        made = _activation("do_update", n)
        job = made.jobs[0].do_update
        job.id = job.protocol_instance_id = f"update-{n}"
        job.name, job.run_validator = event["name"], True
        job.input.extend(_unpacked(event["arguments"]))
    elif kind == "cancel":
        made = _activation("cancel_workflow", n)
    elif kind == "timers":
        made = _activation("fire_timer", n)
        del made.jobs[:]
        for seq in sorted(timers):
            made.jobs.append(WorkflowActivationJob())
            made.jobs[-1].fire_timer.seq = seq
        timers.clear()
    elif kind in ("completed", "failed"):
        command = state.pending.pop(event["seq"])
        made = _activation("resolve_activity", n)
        job = made.jobs[0].resolve_activity
        job.seq = event["seq"]
        if kind == "completed":
            job.result.completed.result.CopyFrom(_unpacked([event["result"]])[0])
        else:
            job.result.failed.failure.CopyFrom(_activity_failure(command, event["failure"]))
    else:
        return None
    return made


def _activated(instance: WorkflowInstance, made: WorkflowActivation, state: State, timers: set[int]) -> None:
    completion = instance.activate(made)
    assert not completion.HasField("failed"), f"the workflow task failed: {completion.failed.failure}"
    for command in completion.successful.commands:
        _obeyed(command, state, timers)
    for command in completion.successful.commands:
        if command.HasField("request_cancel_activity"):
            _activated(instance, _cancelled(command.request_cancel_activity.seq, state), state, timers)


def _cancelled(seq: int, state: State) -> WorkflowActivation:
    """An activity that the workflow lets go of: it does not wait for what becomes of it."""
    command = state.pending.pop(seq)
    made = _activation("resolve_activity", seq)
    made.jobs[0].resolve_activity.seq = seq
    failure = _activity_failure(command, {"message": "cancelled", "canceledFailureInfo": {}})
    made.jobs[0].resolve_activity.result.cancelled.failure.CopyFrom(failure)
    return made


def _obeyed(command: WorkflowCommand, state: State, timers: set[int]) -> None:
    if command.HasField("schedule_activity"):
        state.pending[command.schedule_activity.seq] = command.schedule_activity
    elif command.HasField("start_timer"):
        timers.add(command.start_timer.seq)
    elif command.HasField("cancel_timer"):
        timers.discard(command.cancel_timer.seq)
    elif command.HasField("update_response"):
        if command.update_response.HasField("rejected"):
            state.rejected.append(command.update_response.rejected.message)
    elif command.WhichOneof("variant") in (
        "complete_workflow_execution", "fail_workflow_execution", "cancel_workflow_execution"
    ):  # fmt: skip
        state.closed = command


def _activation(variant: str, n: int) -> WorkflowActivation:
    made = WorkflowActivation(run_id="run", history_length=n + 1)
    made.timestamp.FromSeconds(1_790_000_000 + n)
    made.jobs.append(WorkflowActivationJob())
    getattr(made.jobs[0], variant).SetInParent()
    return made


def _details(definition: WorkflowDefinition, workflow_id: str) -> WorkflowInstanceDetails:
    return WorkflowInstanceDetails(
        payload_converter_factory=CONVERT._new_payload_converter,
        failure_converter_class=CONVERT.failure_converter_class, interceptor_classes=[], defn=definition,
        info=replace(_fake_info, workflow_id=workflow_id), randomness_seed=4711, extern_functions={},
        disable_eager_activity_execution=True, worker_level_failure_exception_types=[],
        patch_activation_callback=None, last_completion_result=Payloads(), last_failure=None,
    )  # fmt: skip


def _packed(values: Any) -> list[Any]:
    return [json_format.MessageToDict(payload) for payload in CONVERT.payload_converter.to_payloads(list(values))]


def _unpacked(values: list[Any]) -> list[Payload]:
    return [json_format.ParseDict(value, Payload()) for value in values]


def _failure(error: BaseException) -> dict[str, Any]:
    made = Failure()
    CONVERT.failure_converter.to_failure(error, CONVERT.payload_converter, made)
    return json_format.MessageToDict(made)


def _activity_failure(command: ScheduleActivity, cause: dict[str, Any]) -> Failure:
    made = Failure(message="Activity task failed")
    made.activity_failure_info.activity_type.name = command.activity_type
    made.activity_failure_info.activity_id = command.activity_id
    made.cause.CopyFrom(json_format.ParseDict(cause, Failure()))
    return made


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
