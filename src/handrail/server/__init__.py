"""The HTTP door: API, console, pages without JavaScript, live events."""
