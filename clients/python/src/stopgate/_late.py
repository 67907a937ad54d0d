"""Says that a generation is not enrolled."""

from ._telemetry import warn
from .generation import Generation


def warn_late(generation: Generation) -> None:
    """Its first check came late. It may still be stopped."""
    warn(
        f"late {generation.context_key}",
        f"{generation.id} is no evidence in context {generation.context}, since its first decision came late, at "
        f"{generation.steps[-1].tokens} tokens. That is normal after an outage, and before the client has learned how "
        "often to ask in a context; otherwise, ask whenever due() says so",
    )
