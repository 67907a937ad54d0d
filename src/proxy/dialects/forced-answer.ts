import type { Forced } from './dialect.js'

/** Reads the reply to a probe in OpenAI's format. @throws Error where it has no answer */
export function readForced (reply: any): Forced {
  const choice = reply?.choices?.[0]
  const text = choice?.text ?? choice?.message?.content
  if (typeof text !== 'string') throw new Error('a probe was answered without a text')
  const { prompt_tokens: promptTokens = null, completion_tokens: tokens = 1, prompt_tokens_details: details } = reply.usage ?? {}
  return { text, logprobs: logprobsOf(choice.logprobs), tokens, promptTokens, cachedTokens: details?.cached_tokens ?? null }
}

/** In the format of completions, or in that of chats, which llama.cpp uses for both. */
function logprobsOf (logprobs: any): Array<number | null> {
  if (Array.isArray(logprobs?.token_logprobs)) return logprobs.token_logprobs
  if (Array.isArray(logprobs?.content)) return logprobs.content.map(({ logprob }: { logprob: number }) => logprob)
  return []
}
