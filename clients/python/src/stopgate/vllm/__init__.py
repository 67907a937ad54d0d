"""Stops the thoughts of rollouts in vLLM, in the engine's own process."""

from ..thought import Thought
from .batch import generate
from .rollout import Rollout

__all__ = ["Rollout", "Thought", "generate"]
