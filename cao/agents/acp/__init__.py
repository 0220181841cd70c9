"""Agents over the Agent Client Protocol: one client, and a table of what each agent needs.

Only `session` and what it imports load the protocol's package; they are imported when the first turn runs.
"""

from .provider import AcpProvider
from .table import AGENTS, Agent

__all__ = ["AGENTS", "AcpProvider", "Agent"]
