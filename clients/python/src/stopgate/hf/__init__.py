"""Stops the thoughts of models that run in transformers 5: `pip install 'stopgate[hf]'`."""

from .criteria import StopgateCriteria
from .loop import generate
from .row import Finished
from .sampling import Sampling
from .thought import Thought

__all__ = ["Finished", "Sampling", "StopgateCriteria", "Thought", "generate"]
