"""The hook: the operator's own command, run without a shell, with JSON on its standard input and a limit on time."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handrail.errors import InvalidInput

VARIABLE = "HANDRAIL_RETRAIN_HOOK"
SECONDS_VARIABLE = "HANDRAIL_RETRAIN_HOOK_SECONDS"
SECONDS = 600.0
# how often a running hook is looked at, and what of its words is kept
LOOK_SECONDS = 0.05
KEPT_BYTES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A command as a list of arguments, and the seconds it may take."""

    argv: tuple[str, ...]
    seconds: float = SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a hook ended. `exit_code` is None when it could not start, took too long or was stopped."""

    exit_code: int | None
    error: str | None
    stopped: bool = False


def hook_from(environment: Mapping[str, str]) -> Hook | None:
    """The hook that HANDRAIL_RETRAIN_HOOK names: a JSON list, or words as a shell would split them. None: no hook.

    Raises `InvalidInput` for a list that is none, for no words, and for a limit that is no positive number of seconds.
    """
    text = environment.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        argv = json.loads(text) if text.startswith("[") else shlex.split(text)
        seconds = float(environment.get(SECONDS_VARIABLE, SECONDS))
    except ValueError as error:
        raise InvalidInput(f"{VARIABLE} cannot be read: {error}", remedy='Write ["python", "train.py"].') from None
    if not argv or not all(isinstance(word, str) and word for word in argv):
        raise InvalidInput(f"{VARIABLE} is a list of words", remedy='Write ["python", "train.py"].')
    if not 0 < seconds <= 86_400:
        raise InvalidInput(f"{SECONDS_VARIABLE} is {seconds:g}", remedy="Give seconds, at most a day.")
    return Hook(argv=tuple(argv), seconds=seconds)


def run(hook: Hook, given: Any, stop: threading.Event) -> Ran:
    """Run a hook to its end, its limit, or until `stop`; whatever it started ends with it."""
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as said:
        stdin.write(json.dumps(given).encode())
        stdin.seek(0)
        try:
            # a group of its own, so that its children can be ended too
            process = subprocess.Popen(hook.argv, stdin=stdin, stdout=said, stderr=said, start_new_session=True)
        except OSError as error:
            return Ran(exit_code=None, error=f"{hook.argv[0]} cannot be started: {error.strerror or error}")
        until = time.monotonic() + hook.seconds
        try:
            while (code := process.poll()) is None and time.monotonic() < until and not stop.wait(LOOK_SECONDS):
                pass
        finally:
            _end(process)
        words = _tail(said)
    if code is None and stop.is_set():
        return Ran(exit_code=None, error="stopped with the server; it runs again at the next start", stopped=True)
    if code is None:
        return Ran(exit_code=None, error=f"took longer than {hook.seconds:g} s and was ended. {words}".strip())
    return Ran(exit_code=code, error=None if code == 0 else f"ended with {code}. {words}".strip())


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def _tail(file: Any) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - KEPT_BYTES))
    return str(file.read().decode("utf-8", "replace").strip())
