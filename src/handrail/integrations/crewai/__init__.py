"""CrewAI: tools ask before they act, people review a task's answer, flows park for feedback and are woken once."""

from handrail.integrations.crewai.asking import AnswerReview, human_tool
from handrail.integrations.crewai.flows import FRAMEWORK, Answer, FlowReview, answer, waker
from handrail.integrations.crewai.gating import gate, ungated

__all__ = [
    "FRAMEWORK",
    "Answer",
    "AnswerReview",
    "FlowReview",
    "answer",
    "gate",
    "human_tool",
    "ungated",
    "waker",
]
