"""The local decider behind the line protocol of `stopgate conformance --decider`."""

import json
import sys
from typing import Any

from stopgate._bundle import Bundle, second, uniform
from stopgate._hash import murmur3
from stopgate.generation import Arm, Step


def decide(bundle: Bundle, given: dict[str, Any]) -> dict[str, Any]:
    context = given.get("context", {})
    rule = bundle.rule_of(context, json.dumps(context))
    assert rule is not None and bundle.salt is not None
    name = given.get("group_id", given.get("generation_id"))
    is_drawn = name is not None and uniform(bundle.salt, name) < rule.share
    arm: Arm = given.get("arm") or ("control" if is_drawn else "treated")
    step = Step(given["tokens"], given["confidence"], given.get("signals", {}))
    is_stoppable = given["tokens"] >= given.get("due_tokens", 0) and "retry_of" not in given
    due = rule.cadence.next_check(step.tokens)
    return {
        "decision": "stop" if is_stoppable and rule.stops(step, arm) else "continue",
        "arm": arm,
        "threshold": rule.threshold,
        "probe": "em" not in given and rule.wants_probe(step, arm, given.get("probed_score")),
        "next_check_tokens": None if rule.leaves_alone(arm) else due,
    }


bundle = Bundle(json.loads(sys.stdin.readline())["bundle"])
print("{}", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if "murmur3" in asked:
        answer: dict[str, Any] = {"hash": murmur3(asked["murmur3"])}
    elif "draw" in asked:
        answer = {
            "u": uniform(asked["draw"]["salt"], asked["draw"]["id"]),
            "second": second(asked["draw"]["salt"], asked["draw"]["id"]),
        }
    else:
        answer = decide(bundle, asked["step"])
    print(json.dumps(answer), flush=True)
