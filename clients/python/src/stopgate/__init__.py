"""Asks a stopgate service, at every generation step, whether to stop, and reports what became of it."""

from .aio import AsyncClient
from .client import Client
from .errors import ClientGone
from .generation import Generation, Probe
from .signals import Signals, confidence, entropy

__all__ = ["AsyncClient", "Client", "ClientGone", "Generation", "Probe", "Signals", "confidence", "entropy"]
