"""Strands Agents: tools are gated, sessions park while people decide and are woken once."""

from handrail.integrations.strands.place import FRAMEWORK
from handrail.integrations.strands.tool import gate, ungated
from handrail.integrations.strands.waking import resume, waker

__all__ = ["FRAMEWORK", "gate", "resume", "ungated", "waker"]
