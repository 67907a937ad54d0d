"""Stops the thoughts of models that run in transformers 5: `pip install 'stopgate[hf]'`."""

from .._row import Finished
from ..thought import Thought
from .criteria import StopgateCriteria
from .loop import generate
from .sampling import Sampling

__all__ = ["Finished", "Sampling", "StopgateCriteria", "Thought", "generate"]
