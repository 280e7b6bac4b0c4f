"""Pydantic AI: toolsets are gated, paused runs are parked and woken, people are asked."""

from handrail.integrations.pydantic_ai.asking import ask
from handrail.integrations.pydantic_ai.gating import Gate, GatedToolset, gate, ungated
from handrail.integrations.pydantic_ai.running import FRAMEWORK, park, run, waits, waker

__all__ = ["FRAMEWORK", "Gate", "GatedToolset", "ask", "gate", "park", "run", "ungated", "waits", "waker"]
