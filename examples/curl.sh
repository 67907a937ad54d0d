#!/usr/bin/env bash
# bash examples/curl.sh
#
# One generation over HTTP: it asks at its first check, and reports its outcome.
set -euo pipefail

url=${STOPGATE_URL:-http://127.0.0.1:8080}
id="curl-$(date +%s)-$RANDOM"
context='{"model": "qwen3-8b", "task": "curl"}'

post () {
  curl --fail-with-body --silent --show-error "$url$1" --header 'content-type: application/json' --data "$2"
}

# The model has generated 16 tokens, and is 41 % sure of its answer so far. The first reply draws the arm.
decision=$(post /v1/decisions '{"generation_id": "'"$id"'", "context": '"$context"', "tokens": 16, "confidence": 0.41}')
echo "$decision"
arm=$(sed -E 's/.*"arm":"([a-z]+)".*/\1/' <<<"$decision")

# The generation has ended after 44 tokens with the right answer. At 16 tokens its answer would have been wrong.
post /v1/outcomes '{"generation_id": "'"$id"'", "context": '"$context"', "arm": "'"$arm"'", "samples": 1,
  "tokens": 44, "em": 1, "steps_asked": 1, "steps": [{"tokens": 16, "confidence": 0.41, "em": 0}]}'
echo
