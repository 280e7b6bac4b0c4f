"""Temporal: a workflow's calls ask before they act, wait for people by signal or update, and run once."""

from handrail.integrations.temporal.calls import Calls, Proposed
from handrail.integrations.temporal.gating import GatedTools, gate
from handrail.integrations.temporal.names import FRAMEWORK, LOOK, WAKE
from handrail.integrations.temporal.waking import waker

__all__ = ["FRAMEWORK", "LOOK", "WAKE", "Calls", "GatedTools", "Proposed", "gate", "waker"]
