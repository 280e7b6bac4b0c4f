"""Microsoft Agent Framework: tools are gated, paused runs are parked with their session and woken once."""

from handrail.integrations.agent_framework.gating import FRAMEWORK, gate, ungated
from handrail.integrations.agent_framework.running import park, resume, run, waker

__all__ = ["FRAMEWORK", "gate", "park", "resume", "run", "ungated", "waker"]
