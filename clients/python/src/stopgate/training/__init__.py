"""Reports the checkpoints of transformers' Trainer and of TRL: `pip install 'stopgate[training]'`."""

from .callback import StopgateCallback

__all__ = ["StopgateCallback"]
