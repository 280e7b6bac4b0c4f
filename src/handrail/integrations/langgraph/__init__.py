"""LangGraph and LangChain: tools that ask before they act, and the process that resumes what waits.

`middleware`, for agents whose tools cannot be wrapped, stands in its own module, since it needs `langchain`.
"""

from handrail.integrations.langgraph.tool import GatedTool, gate, ungated
from handrail.integrations.langgraph.waking import AsyncThreadWaker, ThreadWaker, awaker, waker

__all__ = ["AsyncThreadWaker", "GatedTool", "ThreadWaker", "awaker", "gate", "ungated", "waker"]
