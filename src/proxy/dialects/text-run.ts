import type { Asked, Body } from '../asked.js'
import { ownRequestHeaders, type RawHeaders } from '../hop-by-hop.js'
import { answerBody, probeBody } from './answer-body.js'
import type { DialectParts, Run, Thought } from './dialect.js'
import { readForced } from './forced-answer.js'
import { readPieces } from './openai-pieces.js'

/** How a dialect goes on with a text: the route, and the fields of the body that have what was written so far. */
export type Continue = (asked: Asked, written: string) => { readonly path: string, readonly fields: Body }

/** A generation whose prefixes go upstream as text, since the engine does not tell its tokens. Each event counts as one token. */
export async function beginByText (
  { upstream, tags, close, style, probeTokens }: DialectParts, goOn: Continue, asked: Asked, rawHeaders: RawHeaders, signal: AbortSignal
): Promise<Run> {
  const headers = ownRequestHeaders(rawHeaders)
  const body = JSON.stringify({ ...asked.body, stream: true, stream_options: { include_usage: true } })
  const reply = await upstream.open({ method: 'POST', path: asked.path, headers, body, signal })
  const isOpened = typeof asked.body.prompt === 'string' && asked.body.prompt.trimEnd().endsWith(tags.open)
  return {
    reply,
    reasoningField: 'reasoning_content',
    pieces: () => readPieces(reply.body, { route: asked.route }),
    isOpened: () => isOpened,
    promptTokens: () => null,
    async probe ({ text }: Thought, signal) {
      const { path, fields } = goOn(asked, text + close + style.suffix)
      return readForced(await upstream.json(path, headers, { ...probeBody(asked, undefined, probeTokens, style.stops), ...fields }, signal))
    },
    async answer ({ text, tokens }: Thought, signal) {
      if (asked.maxTokens === null && asked.route === 'completions') throw new Error('there is no limit for the answer')
      const { path, fields } = goOn(asked, text + close)
      const { max_tokens: _, ...more } = answerBody(asked, undefined, 0)
      const room = asked.maxTokens === null ? {} : { max_tokens: asked.maxTokens - tokens }
      const reply = await upstream.open({ method: 'POST', path, headers, body: JSON.stringify({ ...more, ...room, ...fields }), signal })
      if (reply.status !== 200) throw new Error(`the answer was refused: ${reply.status} ${(await reply.body.text()).slice(0, 200)}`)
      return readPieces(reply.body, { route: path === asked.path ? asked.route : 'completions' })
    },
    abort: () => { reply.body.destroy() },
  }
}

/** Completions go on behind their prompt. */
export function behindPrompt ({ body }: Asked, written: string): ReturnType<Continue> {
  return { path: '/v1/completions', fields: { prompt: `${String(body.prompt)}${written}` } }
}
