"""Imported before CrewAI: no telemetry, no traces, no questions at the terminal."""

import os

os.environ.update(
    CREWAI_DISABLE_TELEMETRY="true", CREWAI_DISABLE_TRACKING="true", CREWAI_TRACING_ENABLED="false",
    OTEL_SDK_DISABLED="true",
)  # fmt: skip
