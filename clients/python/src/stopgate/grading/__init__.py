"""Labels for generations that nobody has a gold answer for: graders, a judge, and the worker that follows the list.

Its command is `stopgate grade`.
"""

from .audit import AuditReport, audit, read_audit
from .graders import Exact, Function, Http, Json, Math, Number, Tool
from .items import Early, Grader, GradingFailed, Item, NotGradable, Verdict
from .journal import Journal, JournalTaken
from .judge import Judge, JudgeBlocked
from .limited import LimitExceeded
from .worker import Refused, Worker

__all__ = [
    "AuditReport", "Early", "Exact", "Function", "Grader", "GradingFailed", "Http", "Item", "Journal", "JournalTaken",
    "Json", "Judge", "JudgeBlocked", "LimitExceeded", "Math", "NotGradable", "Number", "Refused", "Tool", "Verdict",
    "Worker", "audit", "read_audit",
]  # fmt: skip
