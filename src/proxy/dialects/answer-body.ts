import { SAMPLING_FIELDS, type Asked, type Body } from '../asked.js'

/** The request for an answer behind a thought: sampled as the client asked. */
export function answerBody ({ model, body }: Asked, prompt: unknown, maxTokens: number): Body {
  const sampling = SAMPLING_FIELDS.map((field) => [field, body[field] ?? undefined] as const)
  return {
    model, prompt, max_tokens: maxTokens, stream: true, stream_options: { include_usage: true }, ...Object.fromEntries(sampling),
  }
}

/** The request for a forced answer. */
export function probeBody ({ model }: Asked, prompt: unknown, maxTokens: number, stops: readonly string[]): Body {
  return { model, prompt, max_tokens: maxTokens, temperature: 0, logprobs: 1, ...(stops.length > 0 && { stop: stops }) }
}
