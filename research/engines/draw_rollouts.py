"""Draws trainings that `run_rollouts.py` has printed as a picture (SVG), and prints their figures as JSON lines.

Each mode is stated with the files of its seeds: `draw_rollouts.py --full 1.jsonl 2.jsonl --answer 1a.jsonl 2a.jsonl`.
"""

import argparse
import json
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from statistics import mean
from typing import Any

COLOURS = {"full": "#6b7280", "answer": "#0f766e", "truncate": "#b45309"}
NAMES = {"full": "in full", "answer": "mode answer", "truncate": "mode truncate"}
ROLLOUTS = 64
"""Rollouts of a step: 8 prompts with 8 samples."""
WINDOW = 15
"""Steps of a moving mean."""
WIDTH, HEIGHT, LEFT, TOP = 360, 200, 60, 60
PANELS = (("tokens_mean", "tokens of a rollout"), ("reward", "mean reward"))


def main() -> None:
    """Draws, and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    for mode in NAMES:
        parser.add_argument(f"--{mode}", nargs="+", type=Path, default=[], help=f"files of trainings {NAMES[mode]}")
    parser.add_argument("--out", type=Path, required=True)
    options = vars(parser.parse_args())
    runs = {mode: [_read(path) for path in options[mode]] for mode in NAMES}
    for mode, files in runs.items():
        for path, (steps, end) in zip(options[mode], files, strict=True):
            print(json.dumps({"mode": mode, "file": path.name, **_figures(steps), **end}))
    options["out"].write_text(_picture({mode: [steps for steps, _ in files] for mode, files in runs.items() if files}))


def _read(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The steps of a training, and its last line."""
    lines = [json.loads(line) for line in path.read_text().splitlines() if line.startswith('{"')]
    steps = [line for line in lines if "step" in line]
    return steps, next((line for line in lines if "after" in line), {})


def _figures(steps: Sequence[dict[str, Any]]) -> dict[str, Any]:
    parts = [steps[at : at + 100] for at in range(0, len(steps), 100)]
    return {
        "steps": len(steps),
        "tokens": round(ROLLOUTS * sum(step["tokens_mean"] for step in steps)),
        "tokens_mean": [round(mean(step["tokens_mean"] for step in part), 1) for part in parts],
        "reward": [round(mean(step["reward"] for step in part), 3) for part in parts],
    }


def _picture(runs: dict[str, list[list[dict[str, Any]]]]) -> str:
    width = len(PANELS) * (WIDTH + LEFT) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 110}" width="{width}" '
        f'height="{HEIGHT + 110}" role="img" aria-labelledby="title text" font-family="system-ui, sans-serif" '
        'font-size="12" fill="#1f2937">',
        '<title id="title">GRPO trainings in full and stopped early</title>',
        '<desc id="text">Tokens of a rollout and mean reward by step; the figures are in the table.</desc>',
        f'<rect width="{width}" height="{HEIGHT + 110}" rx="12" fill="#ffffff"/>',
    ]
    for place, mode in enumerate(runs):
        x = LEFT + 150 * place
        parts.append(f'<rect x="{x}" y="20" width="22" height="4" fill="{COLOURS[mode]}"/>')
        parts.append(f'<text x="{x + 28}" y="27">{NAMES[mode]}</text>')
    for place, (field, title) in enumerate(PANELS):
        parts += _panel(runs, field, title, LEFT + place * (WIDTH + LEFT))
    return "\n".join([*parts, "</svg>", ""])


def _panel(runs: dict[str, list[list[dict[str, Any]]]], field: str, title: str, left: int) -> list[str]:
    curves = {mode: [_smooth([step[field] for step in steps]) for steps in files] for mode, files in runs.items()}
    values = [value for files in curves.values() for curve in files for value in curve]
    low, high = (0.0, 20.0 * ceil(max(values) / 20)) if field == "tokens_mean" else (min(values) - 0.01, 1.0)
    longest = max(len(steps) for files in runs.values() for steps in files)

    def y(value: float) -> float:
        return TOP + HEIGHT * (1 - (value - low) / (high - low))

    def line(curve: Sequence[float], style: str) -> str:
        points = " ".join(f"{left + WIDTH * i / (longest - 1):.1f},{y(v):.1f}" for i, v in enumerate(curve))
        return f'<polyline points="{points}" fill="none" {style}/>'

    parts = [f'<text x="{left}" y="{TOP - 10}" font-weight="600">{title}</text>']
    for part in range(5):
        value = low + (high - low) * part / 4
        label = f"{value:.0f}" if field == "tokens_mean" else f"{value:.2f}"
        parts.append(
            f'<line x1="{left}" x2="{left + WIDTH}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#e5e7eb"/>'
        )
        parts.append(f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{label}</text>')
    for step in range(0, longest + 1, 100):
        x = left + WIDTH * step / longest
        parts.append(f'<text x="{x:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">{step}</text>')
    parts.append(f'<text x="{left + WIDTH / 2}" y="{TOP + HEIGHT + 38}" text-anchor="middle">step</text>')
    for mode, files in curves.items():
        parts += [line(curve, f'stroke="{COLOURS[mode]}" stroke-opacity="0.35"') for curve in files]
        together = [mean(values) for values in zip(*files, strict=False)]
        parts.append(line(together, f'stroke="{COLOURS[mode]}" stroke-width="2.5"'))
    return parts


def _smooth(values: Sequence[float]) -> list[float]:
    return [mean(values[max(0, at - WINDOW + 1) : at + 1]) for at in range(len(values))]


if __name__ == "__main__":
    main()
