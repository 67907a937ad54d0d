#!/usr/bin/env bash
# bash examples/vllm.sh Qwen/Qwen3-0.6B
#
# Starts vLLM's server with the plug-in, and asks it. Needs vLLM, and `pip install ./clients/python` next to it.
set -euo pipefail -m # each job in a process group, which the trap ends

model=${1:-Qwen/Qwen3-0.6B}
port=${PORT:-8000}
export VLLM_PLUGINS=stopgate STOPGATE_CONTEXTS=task=demo STOPGATE_URL=${STOPGATE_URL:-http://127.0.0.1:8080}

vllm serve "$model" --port "$port" --reasoning-parser deepseek_r1 &
trap 'kill -- -$!' EXIT
until curl --silent --fail --output /dev/null "http://127.0.0.1:$port/health"; do
  kill -0 $! || exit 1
  sleep 1
done

# Clients change nothing. The header names the level `task` of the context, as STOPGATE_CONTEXTS allows.
curl --fail-with-body --silent --show-error "http://127.0.0.1:$port/v1/chat/completions" \
  --header 'content-type: application/json' --header 'X-Stopgate-Context: task=demo' \
  --data '{"model": "'"$model"'", "messages": [{"role": "user", "content": "What is 17 * 23?"}]}'
echo
curl --silent "http://127.0.0.1:$port/stopgate/status"
echo
