"""The tasks of the model by name. Standard library only."""

from reasoner.tasks import add, count, follow, times
from reasoner.tasks.task import Problem, Segment, Task

TASKS: dict[str, Task] = {task.name: task for task in (follow.TASK, count.TASK, add.TASK, times.TASK)}

__all__ = ["TASKS", "Problem", "Segment", "Task"]
