"""`python -m stopgate.grading grade ...`, the same as `stopgate grade ...`."""

from .cli import main

raise SystemExit(main())
