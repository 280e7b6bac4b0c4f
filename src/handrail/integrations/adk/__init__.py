"""Google ADK: tools are gated, invocations park while people decide and are woken once."""

from handrail.integrations.adk.gating import gate, ungated
from handrail.integrations.adk.leaving import plugin
from handrail.integrations.adk.place import FRAMEWORK
from handrail.integrations.adk.waking import waker

__all__ = ["FRAMEWORK", "gate", "plugin", "ungated", "waker"]
