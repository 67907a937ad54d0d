# A function for slime's `--custom-generate-function-path`. SGLang answers token ids at /generate. Use it without
# `--partial-rollout`, since a rollout that was aborted would be asked again at once. Yours: score.
from stopgate import AsyncClient
from stopgate.rollout import Said, rollout

client = AsyncClient("http://localhost:8080")


async def generate(args, sample, sampling_params, evaluation=False):
    if evaluation:
        return await sglang_rollout.generate(args, sample, sampling_params)
    state = GenerateState(args)
    url = f"http://{args.sglang_router_ip}:{args.sglang_router_port}/generate"
    prompt = state.tokenizer(sample.prompt, add_special_tokens=False)["input_ids"]

    async def complete(turn):
        params = {**sampling_params, "max_new_tokens": turn.max_tokens}
        if turn.is_greedy:
            params["temperature"] = 0.0
        said = await post(url, {"input_ids": turn.prompt, "sampling_params": params, "return_logprob": True})
        rows = said["meta_info"]["output_token_logprobs"]
        ended = said["meta_info"]["finish_reason"]["type"] == "stop"
        return Said([row[1] for row in rows], [row[0] for row in rows], ended)

    async def reward(completions):
        return [score(state.tokenizer.decode(tokens), sample.label) for tokens in completions]

    done = await rollout(
        client, client.generation({"model": "q-rl"}, prompt=prompt), prompt, state.tokenizer, complete,
        max_new_tokens=sampling_params["max_new_tokens"], end_ids={state.tokenizer.eos_token_id}, reward=reward,
    )
    sample.tokens, sample.response_length = prompt + done.tokens, len(done.tokens)
    sample.response = state.tokenizer.decode(done.tokens)
    sample.loss_mask, sample.reward = done.mask, done.reward
    sample.rollout_log_probs = [level or 0.0 for level in done.logprobs]
    is_whole = done.stopped or done.tokens[-1] == state.tokenizer.eos_token_id
    sample.status = Sample.Status.COMPLETED if is_whole else Sample.Status.TRUNCATED
    return sample
