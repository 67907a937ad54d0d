"""The tasks by name. Standard library only."""

from reasoner.tasks import add, count, follow, times, trail
from reasoner.tasks.task import Problem, Segment, Task

TASKS: dict[str, Task] = {task.name: task for task in (follow.TASK, count.TASK, add.TASK, times.TASK)}
"""Those that the model in `weights/` is trained on."""

ALL_TASKS: dict[str, Task] = {**TASKS, trail.TASK.name: trail.TASK}
"""And those that only `train.py --task` trains."""

__all__ = ["ALL_TASKS", "TASKS", "Problem", "Segment", "Task"]
