"""CrewAI without its telemetry."""

from __future__ import annotations

# before CrewAI itself: it silences the telemetry
from tests.integrations.crewai import quiet  # noqa: F401
