"""LangGraph keeps the contract of adapters."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from tests.integrations.langgraph.agents import Agent


class TestAgent(AdapterContract):
    harness = Agent
