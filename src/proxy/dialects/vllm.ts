import { fieldOf, numberOrNull, tokenIdsOf } from '../protocol/json.js'
import { readPieces } from '../protocol/openai-chunks.js'
import { jsonRequestHeaders, type RawHeaders, withOwnRequestId } from '../protocol/raw-headers.js'
import type { PassCause, StoppableRequest } from '../protocol/stoppable-request.js'
import { closeTextOf, DialectError, requireAccepted, unserved, type Dialect, type DialectOptions, type EngineRun, type ReasoningPrefix } from './dialect.js'
import { answerBody, probeBody, probeStyle, readForcedAnswer } from './forced-answer.js'

/** The token ids of the tags, by the tokenizer of one model. */
interface ModelTokens {
  /** `null`: the tag is several tokens. */
  readonly openId: number | null
  readonly closeId: number | null
  readonly maxModelLen: number
}

/** How far from the end of the prompt an opening tag is looked for: some templates write a line feed behind it. */
const MAX_TOKENS_BEHIND_OPEN = 4

const MAX_MODELS = 256
const TOKENIZER_TIMEOUT_MS = 10_000

/**
 * vLLM states the token ids of prompt and stream (`return_token_ids`), so that the client's request goes upstream as it is, and probes and
 * answers find their prefix in the cache.
 */
export function createVllm ({ upstream, tags }: DialectOptions): Dialect {
  const tokenize = async (model: string, prompt: string, headers: RawHeaders, signal: AbortSignal) => {
    const reply = await upstream.json('/tokenize', headers, { model, prompt, add_special_tokens: false }, signal)
    const ids = tokenIdsOf(fieldOf(reply, 'tokens'))
    if (ids === null) throw new Error('/tokenize was answered without tokens')
    return { ids, single: ids.length === 1 ? ids[0] ?? null : null, maxModelLen: numberOrNull(fieldOf(reply, 'max_model_len')) ?? Infinity }
  }
  const cachedIds = cachePerModel(async (key, headers, signal) => {
    const [model, text] = JSON.parse(key) as [string, string]
    return (await tokenize(model, text, headers, signal)).ids
  })
  const tokensOf = cachePerModel(async (model, headers, signal): Promise<ModelTokens> => {
    const [openTag, closeTag] = await Promise.all([tags.open, tags.close].map((tag) => tokenize(model, tag, headers, signal)))
    return { openId: openTag!.single, closeId: closeTag!.single, maxModelLen: openTag!.maxModelLen }
  })

  async function start (request: StoppableRequest, rawHeaders: RawHeaders, signal: AbortSignal): Promise<EngineRun> {
    const headers = jsonRequestHeaders(rawHeaders)
    const tokens = await tokensOf(request.model, headers)
    const body = { ...request.body, stream: true, stream_options: { include_usage: true }, return_token_ids: true }
    const reply = await upstream.open({ method: 'POST', path: request.path, headers, body: JSON.stringify(body), signal })
    const idsOf = (text: string) => cachedIds(JSON.stringify([request.model, text]), headers)
    let prompt: readonly number[] | null = null
    const promptWith = ({ ids }: ReasoningPrefix, more: readonly number[]) => {
      if (prompt === null || ids === null) throw new Error('the model server did not state its token ids')
      return [...prompt, ...ids, ...more]
    }
    return {
      reply,
      reasoningField: 'reasoning',
      emptyContent: null,
      hasIds: true,
      hasPauses: false,
      pieces: () => readPieces(reply.body, { route: request.route, closeId: tokens.closeId, onPrompt: (ids) => { prompt = ids } }),
      isOpened: () => tokens.openId !== null && (prompt ?? []).slice(-MAX_TOKENS_BEHIND_OPEN).includes(tokens.openId),
      promptTokens: () => prompt?.length ?? null,
      async probe (prefix, form, signal, drawn) {
        const prompt = promptWith(prefix, await idsOf(closeTextOf(form, tags) + form.suffix))
        const body = { ...probeBody(request, prompt, form.tokens, probeStyle(form.name).stops, drawn), skip_special_tokens: false }
        return readForcedAnswer(await upstream.json('/v1/completions', withOwnRequestId(headers), body, signal), request.isAction)
      },
      async answer (prefix, closing, signal) {
        const prompt = promptWith(prefix, await idsOf(closeTextOf(closing, tags)))
        const room = Math.min(tokens.maxModelLen - prompt.length, (request.maxTokens ?? Infinity) - prefix.tokens)
        if (room < 1) throw new Error('there is no room for an answer')
        const body = JSON.stringify({ ...answerBody(request, prompt, room), return_token_ids: true })
        const reply = await upstream.open({ method: 'POST', path: '/v1/completions', headers: withOwnRequestId(headers), body, signal })
        await requireAccepted(reply, 'the answer was refused')
        return readPieces(reply.body, { route: 'completions' })
      },
      abort: () => { reply.body.destroy() },
    }
  }

  function refusal (request: StoppableRequest): PassCause | null {
    if (request.choices > 1 && request.body.temperature === 0) return 'several_samples' // which vLLM refuses
    if (request.route === 'completions' && request.isAction) return 'structured_output' // its grammar would hold in the reasoning, too
    // Its parsers of tool calls cannot be reached from outside.
    const tools = request.body.tool_choice === 'none' ? ['tools' as const] : []
    // Where stop strings hold text back, its streams show a part of the reasoning as content; its whole replies do not.
    return unserved(request, 'several_samples', 'structured_output', 'seed', ...tools)
  }

  return { name: 'vllm', refusal, start }
}

/** Loads a value once for each model, and again after a failure. */
export function cachePerModel<T> (
  load: (model: string, headers: RawHeaders, signal: AbortSignal) => Promise<T>): (model: string, headers: RawHeaders) => Promise<T> {
  const cache = new Map<string, Promise<T>>()
  return (model, headers) => {
    const cached = cache.get(model)
    if (cached !== undefined) return cached
    if (cache.size >= MAX_MODELS) cache.clear()
    // Not the signal of the client: the client that happens to be first may go away.
    const loading = load(model, headers, AbortSignal.timeout(TOKENIZER_TIMEOUT_MS)).catch((error) => {
      cache.delete(model)
      throw new DialectError(`the model server can't say what its dialect needs: ${(error as Error).message}`)
    })
    cache.set(model, loading)
    return loading
  }
}
