"""The OpenAI Agents SDK: tools are gated, interrupted runs are parked and woken."""

from handrail.integrations.openai_agents.gating import gate, ungated
from handrail.integrations.openai_agents.running import FRAMEWORK, Settled, resume, run, settle, waker

__all__ = ["FRAMEWORK", "Settled", "gate", "resume", "run", "settle", "ungated", "waker"]
