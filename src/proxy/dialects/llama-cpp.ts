import { randomUUID } from 'node:crypto'
import { parseEventStream, type TakeItems } from '../protocol/event-stream.js'
import { fieldOf, itemsOf, numberOrNull } from '../protocol/json.js'
import type { PieceReader } from '../protocol/openai-chunks.js'
import { jsonRequestHeaders, type RawHeaders } from '../protocol/raw-headers.js'
import { SAMPLING_FIELDS, type StoppableRequest } from '../protocol/stoppable-request.js'
import type { UpstreamReply } from '../protocol/upstream.js'
import { closeTextOf, requireAccepted, unserved, type Dialect, type DialectOptions, type EngineRun } from './dialect.js'
import { probeStyle, samplingOf, tokenLogprobs, tokenTexts, type ForcedAnswer } from './forced-answer.js'
import { createLlamaChat } from './llama-chat.js'
import { createLlamaTranslator, parseLlamaEvent, promptDetails, type LlamaEvent, type LlamaPrompt, type LlamaTranslator } from './llama-events.js'
import { sentStops, tokensUntil } from './llama-stops.js'
import { isTextCompletion, startCompletionByText } from './text-dialects.js'

/** A text, or texts and token ids in their order. */
type Prompt = string | ReadonlyArray<string | number>

/** Those of its own route: a request with vLLM's `repetition_penalty` is passed through. */
const LLAMA_SAMPLING_FIELDS = SAMPLING_FIELDS.filter((field) => field !== 'repetition_penalty')

/**
 * llama.cpp keeps its cache in slots, so that a probe beside a stream would evaluate the whole prefix in another slot. So the reasoning is
 * generated up to each check, and the probe comes in between, on the same slot. The chat template is applied by the server
 * (`/apply-template`), and its own tokens continue behind the rendered text. Requests that this would change are served by one stream.
 */
export function createLlamaCpp (options: DialectOptions): Dialect {
  const { upstream, tags } = options

  async function render (request: StoppableRequest, headers: RawHeaders, signal: AbortSignal): Promise<Prompt> {
    if (request.route === 'completions') return parsePrompt(request.body.prompt)
    const { messages, chat_template_kwargs: kwargs, reasoning_format: format } = request.body
    const body = { messages, chat_template_kwargs: kwargs ?? undefined, reasoning_format: format ?? undefined }
    return parsePrompt(fieldOf(await upstream.json('/apply-template', headers, body, signal), 'prompt'))
  }

  async function startByIds (
    request: StoppableRequest, rawHeaders: RawHeaders, signal: AbortSignal, firstCheck: number): Promise<EngineRun> {
    const headers = jsonRequestHeaders(rawHeaders)
    const prompt = await render(request, headers, signal)
    const sampling = Object.fromEntries(LLAMA_SAMPLING_FIELDS.map((field) => [field, request.body[field] ?? undefined]))
    const ids: number[] = []
    const tokensLeft = (tokens: number) => request.maxTokens === null ? Infinity : request.maxTokens - tokens
    const promptWith = (tokens: readonly number[], text = ''): Prompt => {
      const parts = [...typeof prompt === 'string' ? [prompt] : prompt, ...tokens, ...(text === '' ? [] : [text])]
      return parts.every((part) => typeof part === 'string') ? parts.join('') : parts
    }
    const open = (prompt: Prompt, maxTokens: number, until = signal) => upstream.open({
      method: 'POST',
      path: '/completion',
      headers,
      body: JSON.stringify({
        ...sampling, prompt, n_predict: Number.isFinite(maxTokens) ? maxTokens : -1, stream: true, return_tokens: true, cache_prompt: true,
      }),
      signal: until,
    })
    const first = await open(promptWith([]), Math.min(tokensLeft(0), firstCheck))
    const isOpened = typeof prompt === 'string' && prompt.trimEnd().endsWith(tags.open)
    const envelope = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: request.model }
    const translator = createLlamaTranslator(request.route, tags, envelope, isOpened)
    let isAborted = false
    let current = first
    let pauseAt = firstCheck // tokens of the whole generation at which the current stream ends at the latest
    let rendered: LlamaPrompt = { promptTokens: null, cachedTokens: null } // by the first stream, as later ones continue it

    const readReasoning = (nextCheck: () => number): PieceReader => async (take) => {
      for (;;) {
        let isDone = false
        await readLlamaEvents(current, (events) => {
          for (const event of events) ids.push(...event.tokens)
          const pieces = events.map((event) => translator.pieceOf(event))
          const end = endOf(events)
          if (end === null) return take(pieces)
          if (rendered.promptTokens === null) rendered = end
          isDone = !end.isAtLimit || tokensLeft(ids.length) < 1 || ids.length < pauseAt
          if (isDone) pieces.push(...translator.endPieces(end.isAtLimit ? 'length' : 'stop', rendered, ids.length))
          return take(pieces)
        })
        if (isDone || isAborted) return
        pauseAt = translator.mayReason() ? Math.max(nextCheck(), ids.length + 1) : Infinity
        current = await open(promptWith(ids), Math.min(tokensLeft(ids.length), pauseAt - ids.length))
        await requireAccepted(current, 'the model server did not continue the reasoning')
      }
    }

    return {
      reply: first,
      reasoningField: 'reasoning_content',
      emptyContent: '',
      hasIds: true,
      hasPauses: true,
      pieces: readReasoning,
      isOpened: () => isOpened,
      promptTokens: () => rendered.promptTokens,
      promptDetails: () => promptDetails(rendered),
      async probe (prefix, form, signal, drawn = 'as_answers') {
        const { stops } = probeStyle(form.name)
        return parseForcedAnswer(stops, await upstream.json('/completion', headers, {
          prompt: promptWith(prefix.ids ?? [], closeTextOf(form, tags) + form.suffix),
          n_predict: form.tokens,
          ...samplingOf(request.body, LLAMA_SAMPLING_FIELDS, drawn),
          n_probs: 1,
          cache_prompt: true,
          stop: sentStops(stops),
        }, signal))
      },
      async answer (prefix, closing, signal) {
        const reply = await open(promptWith(prefix.ids ?? [], closeTextOf(closing, tags)), tokensLeft(prefix.tokens), signal)
        await requireAccepted(reply, 'the answer was refused')
        return readAnswer(reply, createLlamaTranslator('completions', tags, envelope, false))
      },
      abort () {
        isAborted = true
        if (ids.length < pauseAt) current.body.destroy()
      },
    }
  }

  const startChat = createLlamaChat(options)

  return {
    name: 'llama.cpp',
    refusal (request) {
      if (request.body.repetition_penalty != null) return 'unknown_field'
      if (request.route === 'chat') return unserved(request, 'several_samples', 'tools', 'structured_output', 'stop_strings', 'seed')
      return isTextCompletion(request) ? unserved(request, 'several_samples', 'stop_strings', 'seed') : unserved(request, 'several_samples')
    },
    async start (request, headers, signal, firstCheck) {
      // Each stream between two checks restarts the sampler, which would not repeat a seed's tokens.
      if (request.needs.length === 0) return await startByIds(request, headers, signal, firstCheck)
      return request.route === 'chat' ? await startChat(request, headers, signal) : await startCompletionByText(options, request, headers, signal)
    },
  }
}

/** @throws Error if it is none */
function parsePrompt (value: unknown): Prompt {
  if (typeof value === 'string') return value
  if (Array.isArray(value) && value.every((part) => typeof part === 'string' || typeof part === 'number')) return value
  throw new Error('the model server did not render the prompt')
}

async function readLlamaEvents ({ body }: UpstreamReply, take: TakeItems<LlamaEvent>): Promise<void> {
  await parseEventStream<LlamaEvent>(body, (data, end) => {
    if (data === '[DONE]') return undefined
    const event = parseLlamaEvent(data)
    if (event.isEnd) end()
    return event
  }, take)
}

/** The last event of a stream, if it is among these events. */
function endOf (events: readonly LlamaEvent[]): LlamaEvent | null {
  const last = events.at(-1)
  return last?.isEnd === true ? last : null
}

function readAnswer (reply: UpstreamReply, translator: LlamaTranslator): PieceReader {
  let tokens = 0
  return async (take) => {
    await readLlamaEvents(reply, (events) => {
      const pieces = events.map((event) => translator.pieceOf(event))
      for (const piece of pieces) tokens += piece.tokens
      const end = endOf(events)
      if (end !== null) pieces.push(...translator.endPieces(end.isAtLimit ? 'length' : 'stop', end, tokens))
      return take(pieces)
    })
  }
}

/**
 * @param stops texts that end a forced answer; tokens after the first of them do not count
 * @throws Error if the reply to a probe has no text
 */
export function parseForcedAnswer (stops: readonly string[], reply: unknown): ForcedAnswer {
  const text = fieldOf(reply, 'content')
  if (typeof text !== 'string') throw new Error('a probe was answered without a text')
  const tokens = itemsOf(fieldOf(reply, 'completion_probabilities'))
  return {
    text,
    logprobs: tokenLogprobs(tokensUntil(stops, tokens)),
    pieces: tokenTexts(tokens),
    tokens: numberOrNull(fieldOf(reply, 'tokens_predicted')) ?? 1,
    promptTokens: numberOrNull(fieldOf(reply, 'tokens_evaluated')),
    cachedTokens: numberOrNull(fieldOf(fieldOf(reply, 'timings'), 'cache_n')),
  }
}
