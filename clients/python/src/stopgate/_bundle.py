"""Decides like the service, by its bundle. openapi/vectors.json holds the decisions that both must make."""

import hashlib
import hmac
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from ._answers import ProbeForm
from ._hash import murmur3
from .generation import BUDGETS, Arm, Cadence, Step, cadence_in

BUNDLE_FORMAT = 1

GRID = (
    0.9990889488055994, 0.9987578333319665, 0.9983065801251294, 0.9976917749129804, 0.9968544646558322,
    0.995714724119082, 0.9941644321251797, 0.9920577617873176, 0.9891988352143963, 0.9853260176559604,
    0.9800925256439704, 0.9730435672514532, 0.963591390653982, 0.9509917735472369, 0.9343290746690791,
    0.9125222174950202, 0.884370272997969, 0.8486610605386135, 0.8043635263619703, 0.7509056509048028,
    0.6884973123555822, 0.6183990709384134, 0.542996988453704, 0.4655718070254902, 0.389770773402332,
    0.3189458042953346, 0.25559986396238643, 0.201119784232575, 0.1558211936886601, 0.11920292202211755,
)  # fmt: skip
"""Candidate thresholds, safest first, as `grid` of openapi/vectors.json has them."""


def uniform(salt: str, unit: str) -> float:
    """The draw of a generation, in [0, 1): it is in the control arm if and only if this is below the control share.

    Args:
        salt: of the bundle.
        unit: id of the group, or of the generation where there is no group.
    """
    return murmur3(f"{salt}:{unit}") / 2**32


def keyed(salt: str, prompt_hash: str) -> str:
    """The hash of a prompt under a key that clients of the engine do not know.

    A few dozen replies, which show their arms, give the state of murmur3 behind the salt away, and with it the arm of
    every prompt whose hash is known.
    """
    return hmac.new(salt.encode(), prompt_hash.encode(), hashlib.sha256).hexdigest()[:32]


def second(salt: str, unit: str) -> float:
    """Thins the enrolments, in [0, 1): a draw is enrolled only if this is below `label_rate`."""
    return murmur3(f"{salt}:enrol:{unit}") / 2**32


class Scorer(NamedTuple):
    """A predictor with the weights of one context."""

    log_median: float
    length_power: float
    weights: tuple[float, ...]
    signals: tuple[tuple[str, float, float], ...]
    loosest: float
    name: str = ""

    def score(self, tokens: int, confidence: float | None, signals: Mapping[str, float]) -> float | None:
        """Chance that stopping now loses nothing; None where the confidence is unknown."""
        if confidence is None:
            return None
        p = min(1.0, max(0.0, confidence))
        odds = max(-12.0, min(12.0, math.log(p / (1 - p)))) if 0 < p < 1 else 24 * p - 12
        length, power = math.log(max(1, tokens)) - self.log_median, self.length_power
        if power:
            length = math.expm1(power * min(length, math.log(100))) / power
        w = self.weights
        z = w[0] + w[1] * odds + w[2] * length + w[3] * odds * length
        for weight, (name, mean, scale) in zip(w[4:], self.signals, strict=False):
            if name in signals:
                z += weight * min(8.0, max(-8.0, (signals[name] - mean) / scale))
        if math.isnan(z):
            return None
        return 1 / (1 + math.exp(-z)) if z > -700 else 0.0

    def may_stop(self, step: Step) -> bool:
        """Whether the step reaches the loosest threshold."""
        score = self.score(step.tokens, step.confidence, step.signals)
        return score is not None and score >= self.loosest


class TokenCount(NamedTuple):
    """The score whose thresholds are thinking budgets."""

    name: str = "tokens"

    def score(self, tokens: int, confidence: float | None, signals: Mapping[str, float]) -> float:
        """The tokens themselves."""
        return tokens

    def may_stop(self, step: Step) -> bool:
        """Whether the step reaches the smallest budget."""
        return step.tokens >= BUDGETS[0]


class Rule(NamedTuple):
    """The threshold, scorer, cadence and shares in force in one context."""

    threshold: float | None
    scorer: Scorer | TokenCount | None
    mode: str
    cadence: Cadence
    share: float
    epoch: str | None
    label_rate: float
    has_form: bool = False
    form: ProbeForm | None = None
    stores_prompts: bool = False

    def enrols(self, salt: str, u: float, unit: str) -> bool:
        """Whether a draw enrols its unit: it is control, and `label_rate` leaves it in. The service may know another.

        Args:
            salt: of the bundle.
            u: its draw.
            unit: id of the group, or of the generation where there is no group.
        """
        return u < self.share and self.label_rate > 0 and second(salt, unit) < self.label_rate

    def stops(self, step: Step, arm: Arm | None) -> bool:
        """Whether to stop a generation of this arm here."""
        if self.threshold is None or arm == "control" or self.mode != "enforce":
            return False
        if step.tokens < self.cadence.min_tokens:
            return False
        score = self.score(step)
        return score is not None and score >= self.threshold

    def score(self, step: Step) -> float | None:
        """The score that is compared with the threshold; None: it is unknown."""
        if self.scorer is None:
            return step.confidence
        return self.scorer.score(step.tokens, step.confidence, step.signals)

    def leaves_alone(self, arm: Arm | None) -> bool:
        """Whether a generation needs no further checks: it is treated, and nothing can stop it."""
        is_open = self.threshold is not None and self.mode == "enforce" and not isinstance(self.scorer, TokenCount)
        return arm == "treated" and not is_open

    def wants_probe(self, step: Step, arm: Arm | None, probed_score: float | None) -> bool:
        """Whether an answer forced here is worth its tokens: some threshold would first stop at this step."""
        if arm != "control" or self.mode == "off" or step.tokens < self.cadence.min_tokens:
            return False
        if self.scorer is not None:
            return self.scorer.may_stop(step)
        sure = step.confidence
        return sure is not None and any(k <= sure and (probed_score is None or k > probed_score) for k in GRID)


class Bundle:
    """A bundle as GET /v1/bundle replies it.

    Raises:
        KeyError, TypeError, ValueError: the body is not a bundle of this format.
    """

    def __init__(self, body: dict[str, Any]) -> None:
        if body["format"] != BUNDLE_FORMAT:
            raise ValueError(f"the bundle has format {body['format']}, and this client knows {BUNDLE_FORMAT}")
        self._body = body
        self._rules: dict[str, Rule | None] = {}
        self.salt: str | None = body["salt"]
        self.levels: list[str] = body["levels"]
        self.version: int = body["snapshot_version"]

    def thresholds(self) -> dict[str, float]:
        """The thresholds in force, by context."""
        found: dict[str, float] = {}
        waiting: list[tuple[list[str], dict[str, Any]]] = [([], self._body["root"])]
        while waiting:
            path, node = waiting.pop()
            rule = self._body["rules"][node["rule"]] if "rule" in node else {}
            threshold = rule.get("score_threshold", rule.get("threshold"))
            if threshold is not None and path:
                found[",".join(path)] = threshold
            for value, child in node.get("below", {}).items():
                waiting.append(([*path, f"{self.levels[len(path)]}={value}"], child))
        return found

    def rule_of(self, context: Mapping[str, str], key: str) -> Rule | None:
        """The rule of the deepest node that the context reaches; None: the context is outside of the bundle.

        Args:
            key: identifies the context in the cache of rules.
        """
        try:
            return self._rules[key]
        except KeyError:
            if len(self._rules) >= 100_000:
                self._rules = {}
            rule = self._rules[key] = self._find(context)
            return rule

    def _find(self, context: Mapping[str, str]) -> Rule | None:
        node = self._body["root"]
        for level in self._body["levels"]:
            child = self._child(node, context.get(level, ""))
            if child is None:
                break
            node = child
        if "rule" not in node:
            return None
        fields = self._body["rules"][node["rule"]]
        is_scored = "scorer" in fields
        return Rule(
            threshold=fields["score_threshold"] if is_scored else fields["threshold"],
            scorer=self._scorer(node, fields["scorer"]) if is_scored else None,
            mode=fields["mode"],
            cadence=cadence_in(fields),
            share=node.get("control_share", 1),
            epoch=node.get("epoch"),
            label_rate=fields["label_rate"],
            has_form="probe_form" in fields,
            form=ProbeForm.of(fields["probe_form"]) if fields.get("probe_form") else None,
            stores_prompts=fields.get("store_prompts", False),
        )

    def _child(self, node: dict[str, Any], value: str) -> dict[str, Any] | None:
        """The node of a value of the next level; None: the rule of this one holds."""
        known: dict[str, Any] | None = node.get("below", {}).get(value)
        if known is not None or "others" not in node:
            return known
        others = self._body["others"][node["others"]]
        named: dict[str, Any] | None = others["named"].get(value, others.get("any"))
        return named

    def _scorer(self, node: dict[str, Any], name: str) -> Scorer | TokenCount:
        if name == TokenCount().name:
            return TokenCount()
        weights, predictor = self._body["weights"][node["weights"]], self._body["predictors"][name]
        signals = tuple((s["name"], s["mean"], s["scale"]) for s in predictor["signals"])
        return Scorer(
            weights["log_median"], weights["length_power"], tuple(weights["weights"]), signals, predictor["grid"][-1],
            name,
        )  # fmt: skip
