"""Asks a stopgate service, at every generation step, whether to stop, and reports what became of it."""

from importlib.metadata import PackageNotFoundError, version

from .aio import AsyncClient
from .client import Client
from .errors import CallFailed, ClientGone
from .generation import Generation, Probe
from .signals import Signals, confidence, entropy

__all__ = [
    "AsyncClient", "CallFailed", "Client", "ClientGone", "Generation", "Probe", "Signals", "confidence", "entropy",
]  # fmt: skip

try:
    __version__ = version("stopgate-client")
except PackageNotFoundError:  # the source, without an installation
    __version__ = "0"
