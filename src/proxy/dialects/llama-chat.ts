import type { ProbeForm } from '../../core/decide/index.js'
import { actionOf, toolCallsOf } from '../protocol/action.js'
import { fieldOf, itemsOf, numberOrNull, textOf, type JsonObject } from '../protocol/json.js'
import { readPieces } from '../protocol/openai-chunks.js'
import { jsonRequestHeaders, type RawHeaders } from '../protocol/raw-headers.js'
import { SAMPLING_FIELDS, type StoppableRequest } from '../protocol/stoppable-request.js'
import { DialectError, requireAccepted, type DialectOptions, type EngineRun } from './dialect.js'
import { actionLogprobs, probeStyle, samplingOf, tokenLogprobs, tokenTexts, type Drawn, type ForcedAnswer } from './forced-answer.js'
import { promptDetails, type LlamaPrompt } from './llama-events.js'
import { sentStops, tokensUntil } from './llama-stops.js'
import { cachePerModel } from './vllm.js'

/** Placeholder reasoning, to test how the template closes it. */
const MARKER = 'one and one is two'

/**
 * Chats of llama.cpp that need its own template, parser, grammar or sampler from beginning to end: with tools, structured output, stop
 * strings or a seed. The client's request goes upstream as it is. A probe, and the answer after a stop, are further chats in which the
 * message of the assistant has the reasoning so far, and its content is continued. They run in other slots than the reasoning.
 */
export function createLlamaChat ({ upstream, tags }: DialectOptions) {
  const closesReasoning = cachePerModel(async (model, headers, signal) => {
    const body = { model, messages: continued([{ role: 'user', content: 'add' }], MARKER, ''), ...CONTINUE }
    const prompt = textOf(fieldOf(await upstream.json('/apply-template', headers, body, signal), 'prompt'))
    const behind = prompt.slice(prompt.lastIndexOf(MARKER) + MARKER.length)
    return prompt.includes(MARKER) && behind.trim() === tags.close
  })

  return async function start (request: StoppableRequest, rawHeaders: RawHeaders, signal: AbortSignal): Promise<EngineRun> {
    const headers = jsonRequestHeaders(rawHeaders)
    if (!await closesReasoning(request.model, headers)) {
      throw new DialectError('llama.cpp does not continue the content of a message behind its reasoning: it is too old, or its chat template leaves the reasoning out', 'dialect')
    }
    const { path, body, maxTokens } = request
    const open = (fields: JsonObject, until: AbortSignal) => upstream.open({
      method: 'POST', path, headers, body: JSON.stringify({ ...body, ...STREAM, ...fields }), signal: until,
    })
    const reply = await open({}, signal)
    const timings = createTimings()
    /** The fields of a chat that goes on behind a reasoning. @throws Error if the reasoning is not in a field of its own */
    const behind = (reasoning: string, content: string) => {
      if (reasoning.includes(tags.open)) throw new Error('the model server does not separate reasoning from content')
      return { messages: continued(itemsOf(body.messages), reasoning, content), ...CONTINUE, max_completion_tokens: undefined }
    }
    return {
      reply,
      reasoningField: 'reasoning_content',
      emptyContent: '',
      hasIds: false,
      hasPauses: false,
      isInStep: true, // slots are decoded in one batch; with a draft model this is roughly so
      pieces: () => readPieces(reply.body, { route: 'chat', tokensOf: timings.tokensOf }),
      isOpened: () => false,
      promptTokens: timings.promptTokens,
      promptDetails: timings.promptDetails,
      async probe ({ text }, form, signal, drawn = 'as_answers') {
        const probe = { ...body, ...probeFields(request, form, drawn), ...behind(text, form.suffix) }
        return readForced(request, form, await upstream.json(path, headers, probe, signal))
      },
      async answer ({ text, tokens }, _closing, signal) {
        const reply = await open({ ...behind(text, ''), max_tokens: maxTokens === null ? undefined : maxTokens - tokens }, signal)
        await requireAccepted(reply, 'the answer was refused')
        return readPieces(reply.body, { route: 'chat', tokensOf: createTimings().tokensOf })
      },
      abort: () => { reply.body.destroy() },
    }
  }
}

const STREAM = { stream: true, stream_options: { include_usage: true }, timings_per_token: true }

/** Has the template close the reasoning of the last message, and the model go on with its content. */
const CONTINUE = { continue_final_message: 'content', add_generation_prompt: false }

/** The template writes the white space before its closing tag itself. */
function continued (messages: readonly unknown[], reasoning: string, content: string): unknown[] {
  return [...messages, { role: 'assistant', reasoning_content: reasoning.trimEnd(), content }]
}

/** The counts of tokens, and the cost of the prompt, by the timings that llama.cpp adds to each chunk. */
function createTimings () {
  let generated = 0
  let prompt: LlamaPrompt = { promptTokens: null, cachedTokens: null }
  return {
    /** This runs for every chunk. @returns `null` for a chunk without timings */
    tokensOf (chunk: JsonObject): number | null {
      const { timings } = chunk
      if (timings === undefined) return null
      if (prompt.promptTokens === null) prompt = promptOf(timings)
      const predicted = numberOrNull(fieldOf(timings, 'predicted_n'))
      const isLast = chunk.usage !== undefined || itemsOf(chunk.choices).some((choice) => fieldOf(choice, 'finish_reason') !== null)
      if (!isLast) chunk.timings = undefined // the client has not asked for it
      if (predicted === null) return null
      const tokens = predicted - generated
      generated = predicted
      return tokens
    },
    promptTokens: () => prompt.promptTokens,
    promptDetails: () => promptDetails(prompt),
  }
}

function promptOf (timings: unknown): LlamaPrompt {
  const cachedTokens = numberOrNull(fieldOf(timings, 'cache_n'))
  const evaluated = numberOrNull(fieldOf(timings, 'prompt_n'))
  return { cachedTokens, promptTokens: cachedTokens === null || evaluated === null ? null : cachedTokens + evaluated }
}

/** The fields of a probe. An action is forced under the client's own stop strings, which its answer obeys, too. */
function probeFields ({ isAction, body }: StoppableRequest, form: ProbeForm, drawn: Drawn): JsonObject {
  const { stops } = probeStyle(form.name)
  return {
    ...Object.fromEntries(SAMPLING_FIELDS.map((field) => [field, undefined])),
    stream: undefined,
    stream_options: undefined,
    ...samplingOf(body, SAMPLING_FIELDS, drawn),
    max_tokens: form.tokens,
    logprobs: true,
    top_logprobs: 1,
    stop: isAction ? body.stop ?? undefined : sentStops(stops),
  }
}

/** @throws Error if the reply to a probe has no message */
function readForced ({ isAction }: StoppableRequest, form: ProbeForm, reply: unknown): ForcedAnswer {
  const [choice] = itemsOf(fieldOf(reply, 'choices'))
  const message = fieldOf(choice, 'message')
  if (message === undefined) throw new Error('a probe was answered without a message')
  const usage = fieldOf(reply, 'usage')
  const tokens = itemsOf(fieldOf(fieldOf(choice, 'logprobs'), 'content'))
  const content = textOf(fieldOf(message, 'content'))
  const cost = {
    tokens: numberOrNull(fieldOf(usage, 'completion_tokens')) ?? 1,
    promptTokens: numberOrNull(fieldOf(usage, 'prompt_tokens')),
    cachedTokens: numberOrNull(fieldOf(fieldOf(usage, 'prompt_tokens_details'), 'cached_tokens')),
  }
  if (isAction) {
    const logprobs = actionLogprobs(choice, tokenLogprobs(tokens))
    return { text: actionOf(content, toolCallsOf(fieldOf(message, 'tool_calls'))), logprobs, ...cost }
  }
  const counted = tokensUntil(probeStyle(form.name).stops, tokens)
  return { text: content.slice(form.suffix.length), logprobs: tokenLogprobs(counted), pieces: tokenTexts(tokens), ...cost }
}
