"""The tasks of both models. Standard library only."""

from reasoner.tasks.task import Problem, Segment, Task, belief_at

__all__ = ["Problem", "Segment", "Task", "belief_at"]
