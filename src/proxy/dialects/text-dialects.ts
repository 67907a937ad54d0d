import { itemsOf } from '../protocol/json.js'
import { readPieces } from '../protocol/openai-chunks.js'
import { jsonRequestHeaders, type RawHeaders, withOwnRequestId } from '../protocol/raw-headers.js'
import type { RequestBody, StoppableRequest } from '../protocol/stoppable-request.js'
import { closeTextOf, requireAccepted, unserved, type Dialect, type DialectOptions, type EngineRun } from './dialect.js'
import { answerBody, probeBody, probeStyle, readForcedAnswer } from './forced-answer.js'

/** The request that continues a text: its route, and the fields of its body that have the text so far. */
interface Continuation { readonly path: string, readonly fields: RequestBody }
type ContinueText = (request: StoppableRequest, written: string) => Continuation

/**
 * SGLang, by its documentation; it was not run. Its OpenAI routes do not state token ids, so that a chat is continued as an unfinished
 * message of the assistant (`continue_final_message`), and its cache finds the prefix by the tokens of the same text.
 */
export function createSglang (options: DialectOptions): Dialect {
  const continueText: ContinueText = (request, written) => {
    if (request.route === 'completions') return continueCompletion(request, written)
    const { open } = options.tags
    const content = written.trimStart().startsWith(open) ? written : `${open}\n${written}`
    const messages = [...itemsOf(request.body.messages), { role: 'assistant', content }]
    const kwargs = request.body.chat_template_kwargs ?? undefined
    return {
      path: '/v1/chat/completions',
      fields: { chat_template_kwargs: kwargs, messages, prompt: undefined, continue_final_message: true, separate_reasoning: false },
    }
  }
  const isText = ({ route, body }: StoppableRequest) => route === 'chat' || typeof body.prompt === 'string'
  return {
    name: 'sglang',
    refusal: (request) => isText(request) ? unserved(request, 'seed') : 'dialect',
    start: (request, headers, signal) => startByText(options, continueText, request, headers, signal),
  }
}

/** Any other server. Its chat template is not known, so that chats are passed through; completions with a text are continued. */
export function createPlain (options: DialectOptions): Dialect {
  return {
    name: 'plain',
    refusal: (request) => isTextCompletion(request) ? unserved(request, 'seed', 'stop_strings') : 'dialect',
    start: (request, headers, signal) => startCompletionByText(options, request, headers, signal),
  }
}

export function isTextCompletion ({ route, body }: StoppableRequest): boolean { return route === 'completions' && typeof body.prompt === 'string' }

/** Starts a completion whose prefixes go upstream as text, which any server can continue. */
export async function startCompletionByText (
  options: DialectOptions, request: StoppableRequest, headers: RawHeaders, signal: AbortSignal): Promise<EngineRun> {
  return await startByText(options, continueCompletion, request, headers, signal)
}

/** Starts a generation whose prefixes go upstream as text, since the engine does not state its tokens. Each event counts as one token. */
async function startByText (
  { upstream, tags }: DialectOptions, continueText: ContinueText,
  request: StoppableRequest, rawHeaders: RawHeaders, signal: AbortSignal
): Promise<EngineRun> {
  const headers = jsonRequestHeaders(rawHeaders)
  const body = JSON.stringify({ ...request.body, stream: true, stream_options: { include_usage: true } })
  const reply = await upstream.open({ method: 'POST', path: request.path, headers, body, signal })
  const isOpened = typeof request.body.prompt === 'string' && request.body.prompt.trimEnd().endsWith(tags.open)
  return {
    reply,
    reasoningField: 'reasoning_content',
    emptyContent: null,
    hasIds: false,
    hasPauses: false,
    pieces: () => readPieces(reply.body, { route: request.route }),
    isOpened: () => isOpened,
    promptTokens: () => null,
    async probe ({ text }, form, signal, drawn) {
      const { path, fields } = continueText(request, text + closeTextOf(form, tags) + form.suffix)
      const body = { ...probeBody(request, undefined, form.tokens, probeStyle(form.name).stops, drawn), ...fields }
      return readForcedAnswer(await upstream.json(path, withOwnRequestId(headers), body, signal))
    },
    async answer ({ text, tokens }, closing, signal) {
      if (request.maxTokens === null && request.route === 'completions') throw new Error('there is no limit for the answer')
      const { path, fields } = continueText(request, text + closeTextOf(closing, tags))
      const { max_tokens: _, ...more } = answerBody(request, undefined, 0)
      const room = request.maxTokens === null ? {} : { max_tokens: request.maxTokens - tokens }
      const answer = JSON.stringify({ ...more, ...room, ...fields })
      const reply = await upstream.open({ method: 'POST', path, headers: withOwnRequestId(headers), body: answer, signal })
      await requireAccepted(reply, 'the answer was refused')
      return readPieces(reply.body, { route: path === request.path ? request.route : 'completions' })
    },
    abort: () => { reply.body.destroy() },
  }
}

/** Completions continue behind their prompt. */
function continueCompletion ({ body }: StoppableRequest, written: string): Continuation {
  return { path: '/v1/completions', fields: { prompt: `${String(body.prompt)}${written}` } }
}
