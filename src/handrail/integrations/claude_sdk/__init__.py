"""The Claude Agent SDK: a hook before every tool, sessions that defer while people decide and are woken once."""

from handrail.integrations.claude_sdk.gating import FRAMEWORK, gate
from handrail.integrations.claude_sdk.waking import waker

__all__ = ["FRAMEWORK", "gate", "waker"]
