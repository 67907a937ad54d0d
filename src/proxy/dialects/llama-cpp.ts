import { randomUUID } from 'node:crypto'
import type { Asked } from '../asked.js'
import { readEvents, type Take } from '../generation/event-stream.js'
import { ownRequestHeaders, type RawHeaders } from '../hop-by-hop.js'
import type { UpstreamReply } from '../exchange.js'
import type { Dialect, DialectParts, Forced, Pieces, Run, Thought } from './dialect.js'
import { createLlamaPieces, type LlamaEvent, type LlamaPieces } from './llama-pieces.js'
import { StreamError } from './openai-pieces.js'

type Prompt = string | ReadonlyArray<string | number>

const SAMPLING = ['temperature', 'top_p', 'top_k', 'min_p', 'seed', 'presence_penalty', 'frequency_penalty', 'repeat_penalty']

/**
 * llama.cpp keeps its cache in slots, so that a probe beside a stream would evaluate the whole prefix in another slot. So the thought is
 * generated up to each check, and the probe comes in between, on the same slot. The chat template is applied by the server
 * (`/apply-template`), and its own tokens go on behind the rendered text.
 */
export function createLlamaCpp ({ upstream, tags, close, style, probeTokens }: DialectParts): Dialect {
  async function render (asked: Asked, headers: RawHeaders, signal: AbortSignal): Promise<Prompt> {
    if (asked.route === 'completions') return asked.body.prompt as Prompt
    const { messages, chat_template_kwargs: kwargs, reasoning_format: format } = asked.body
    const body = { messages, chat_template_kwargs: kwargs ?? undefined, reasoning_format: format ?? undefined }
    const { prompt } = await upstream.json('/apply-template', headers, body, signal)
    return prompt
  }

  async function begin (asked: Asked, rawHeaders: RawHeaders, signal: AbortSignal, firstCheck: number): Promise<Run> {
    const headers = ownRequestHeaders(rawHeaders)
    const prompt = await render(asked, headers, signal)
    const sampling = Object.fromEntries(SAMPLING.map((field) => [field, asked.body[field] ?? undefined]))
    const ids: number[] = []
    const left = (tokens: number) => asked.maxTokens === null ? Infinity : asked.maxTokens - tokens
    const behind = (tokens: readonly number[], text = ''): Prompt => {
      const parts = [...typeof prompt === 'string' ? [prompt] : prompt, ...tokens, ...(text === '' ? [] : [text])]
      return parts.every((part) => typeof part === 'string') ? parts.join('') : parts
    }
    const open = (prompt: Prompt, most: number) => upstream.open({
      method: 'POST',
      path: '/completion',
      headers,
      body: JSON.stringify({
        ...sampling, prompt, n_predict: Number.isFinite(most) ? most : -1, stream: true, return_tokens: true, cache_prompt: true,
      }),
      signal,
    })
    const first = await open(behind([]), Math.min(left(0), firstCheck))
    const isOpened = typeof prompt === 'string' && prompt.trimEnd().endsWith(tags.open)
    const envelope = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: asked.model }
    const pieces = createLlamaPieces(asked.route, tags, envelope, isOpened)
    let hasEnded = false
    let current = first
    let most = firstCheck // tokens of the whole generation at which the current stream ends at the latest
    let evaluated: number | null = null

    const think = (nextCheck: () => number): Pieces => async (take) => {
      for (;;) {
        let isDone = false
        await readLlama(current, (events) => {
          ids.push(...events.flatMap(({ tokens }) => tokens ?? []))
          const last = events.at(-1)!
          if (last.stop && evaluated === null) evaluated = last.tokens_evaluated ?? null
          const read = events.map((event) => pieces.of(event))
          isDone = last.stop === true && (last.stop_type !== 'limit' || left(ids.length) < 1 || ids.length < most)
          return take(isDone ? [...read, ...pieces.end(last.stop_type === 'limit' ? 'length' : 'stop', evaluated ?? 0, ids.length)] : read)
        })
        if (isDone || hasEnded) return
        most = pieces.isThinking() ? Math.max(nextCheck(), ids.length + 1) : Infinity
        current = await open(behind(ids), Math.min(left(ids.length), most - ids.length))
        if (current.status !== 200) throw new Error(`the model server did not continue the thought: ${current.status} ${(await current.body.text()).slice(0, 200)}`)
      }
    }

    return {
      reply: first,
      reasoningField: 'reasoning_content',
      pieces: think,
      isOpened: () => isOpened,
      promptTokens: () => evaluated,
      probe: async (thought, signal) => forcedOf(await upstream.json('/completion', headers, {
        prompt: behind(thought.ids ?? [], close + style.suffix),
        n_predict: probeTokens,
        temperature: 0,
        n_probs: 1,
        cache_prompt: true,
        stop: style.stops,
      }, signal)),
      async answer (thought: Thought): Promise<Pieces> {
        const reply = await open(behind(thought.ids ?? [], close), left(thought.tokens))
        if (reply.status !== 200) throw new Error(`the answer was refused: ${reply.status} ${(await reply.body.text()).slice(0, 200)}`)
        return answerOf(reply, createLlamaPieces('completions', tags, envelope, false))
      },
      abort () {
        hasEnded = true
        if (ids.length < most) current.body.destroy()
      },
    }
  }

  return {
    name: 'llama.cpp',
    hasIds: true,
    hasPauses: true,
    // Each chunk starts the sampler anew, which would not repeat a seed's tokens.
    refusal: ({ body }) => body.seed != null && body.temperature !== 0 ? 'seed' : body.repetition_penalty != null ? 'unknown_field' : null,
    begin,
  }
}

async function readLlama ({ body }: UpstreamReply, take: Take<LlamaEvent>): Promise<void> {
  await readEvents<LlamaEvent>(body, (data, end) => {
    if (data === '[DONE]') return undefined
    const event = JSON.parse(data)
    if (event.error !== undefined) throw new StreamError(event)
    if (event.stop === true) end()
    return event
  }, take)
}

function answerOf (reply: UpstreamReply, pieces: LlamaPieces): Pieces {
  let tokens = 0
  return async (take) => {
    await readLlama(reply, (events) => {
      tokens += events.reduce((sum, event) => sum + (event.tokens?.length ?? 0), 0)
      const last = events.at(-1)!
      const end = last.stop === true ? pieces.end(last.stop_type === 'limit' ? 'length' : 'stop', last.tokens_evaluated ?? 0, tokens) : []
      return take([...events.map((event) => pieces.of(event)), ...end])
    })
  }
}

function forcedOf (reply: any): Forced {
  if (typeof reply?.content !== 'string') throw new Error('a probe was answered without a text')
  const logprobs = (reply.completion_probabilities ?? []).map(({ logprob }: { logprob: number }) => logprob)
  const { cache_n: cached = null } = reply.timings ?? {}
  const { content: text, tokens_predicted: tokens = 1, tokens_evaluated: promptTokens = null } = reply
  return { text, logprobs, tokens, promptTokens, cachedTokens: cached }
}
