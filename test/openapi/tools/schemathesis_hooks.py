"""The formats of the API description."""

import schemathesis
from hypothesis import strategies

TEXT = strategies.text(strategies.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=64)

for name in ["text128", "signal128", "run128", "text4096"]:
    schemathesis.openapi.format(name, TEXT)
