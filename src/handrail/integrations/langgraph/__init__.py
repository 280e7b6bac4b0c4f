"""LangGraph and LangChain: tools that ask before they act, and the process that resumes what waits.

`middleware`, for agents whose tools cannot be wrapped, stands in `handrail.integrations.langgraph.middleware`: it
needs `langchain`, and the rest does not.
"""

from handrail.integrations.langgraph.examining import examine
from handrail.integrations.langgraph.migrating import from_interrupt_on
from handrail.integrations.langgraph.repairing import arepair, astuck, repair, stuck
from handrail.integrations.langgraph.tool import GatedTool, gate, ungated
from handrail.integrations.langgraph.waking import AsyncThreadWaker, ThreadWaker, awaker, waker
from handrail.integrations.langgraph.wrapping import wrap_tool_call

__all__ = [
    "AsyncThreadWaker", "GatedTool", "ThreadWaker", "arepair", "astuck", "awaker", "examine", "from_interrupt_on",
    "gate", "repair", "stuck", "ungated", "waker", "wrap_tool_call",
]  # fmt: skip
