"""The MCP gateway: every tool call of any MCP client passes policy before it reaches the server."""

from handrail.integrations.mcp.gateway import Gateway, Terms
from handrail.integrations.mcp.pins import Pins, all_pins
from handrail.integrations.mcp.serving import serve
from handrail.integrations.mcp.upstream import Target

__all__ = ["Gateway", "Pins", "Target", "Terms", "all_pins", "serve"]
