"""Agents: who they are (profiles) and how they are run (providers).

`provider` is the contract; one module implements each kind. Nothing here knows operations or Prefect.
"""

from .profile import Profile
from .provider import (
    AgentTools,
    Missing,
    Prompt,
    Provider,
    ProviderError,
    Providers,
    Seat,
    TurnResult,
    Watch,
)

__all__ = [
    "AgentTools",
    "Missing",
    "Profile",
    "Prompt",
    "Provider",
    "ProviderError",
    "Providers",
    "Seat",
    "TurnResult",
    "Watch",
]
