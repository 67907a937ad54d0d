#!/usr/bin/env bash
# bash examples/llama_cpp.sh http://127.0.0.1:8085
#
# Puts the proxy in front of a llama-server at that address (llama-server -m MODEL --port 8085 -np 8), and asks it.
# Needs `npm ci`, and a reasoning model whose chat template opens its reasoning.
set -euo pipefail -m # each job in a process group, which the trap ends

upstream=${1:?"usage: bash examples/llama_cpp.sh ADDRESS_OF_LLAMA_SERVER"}
port=${PORT:-8081}

npx stopgate proxy --upstream "$upstream" --service "${STOPGATE_URL:-http://127.0.0.1:8080}" --port "$port" --admin-port 0 \
  --contexts task=demo &
trap 'kill -- -$!' EXIT
until curl --silent --output /dev/null "http://127.0.0.1:$port/v1/models"; do
  kill -0 $! || exit 1
  sleep 0.2
done

# Clients change their base_url, and nothing else. The header names the level `task` of the context, as --contexts allows.
curl --fail-with-body --silent --show-error "http://127.0.0.1:$port/v1/chat/completions" \
  --header 'content-type: application/json' --header 'X-Stopgate-Context: task=demo' \
  --data '{"model": "any", "max_tokens": 512, "messages": [{"role": "user", "content": "'"${PROMPT:-What is 17 * 23?}"'"}]}'
echo
