import type { Asked } from '../asked.js'
import { ownRequestHeaders, type RawHeaders } from '../hop-by-hop.js'
import { answerBody, probeBody } from './answer-body.js'
import type { Dialect, DialectParts, Run, Thought } from './dialect.js'
import { readForced } from './forced-answer.js'
import { readPieces } from './openai-pieces.js'
import { once } from './once-a-model.js'

/** What the tokenizer of a model says about thoughts. */
interface Tokens {
  readonly openId: number | null
  readonly closeId: number | null
  readonly close: readonly number[]
  readonly ask: readonly number[]
  readonly maxModelLen: number
}

/** How far from the end of the prompt an opening tag is looked for: some templates write a line feed behind it. */
const OPEN_WITHIN = 4

/**
 * vLLM tells the token ids of prompt and stream (`return_token_ids`), so that the client's request goes upstream as it is, and probes and
 * answers find their prefix in the cache.
 */
export function createVllm ({ upstream, tags, close, style, probeTokens }: DialectParts): Dialect {
  const tokensOf = once(async (model, headers, signal): Promise<Tokens> => {
    const tokenize = async (prompt: string): Promise<{ tokens: number[], max_model_len: number }> =>
      await upstream.json('/tokenize', headers, { model, prompt, add_special_tokens: false }, signal)
    const [open, end, closing, asking] = await Promise.all([tags.open, tags.close, close, close + style.suffix].map(tokenize))
    const single = ({ tokens }: { tokens: number[] }) => tokens.length === 1 ? tokens[0]! : null
    return { openId: single(open!), closeId: single(end!), close: closing!.tokens, ask: asking!.tokens, maxModelLen: open!.max_model_len }
  })

  async function begin (asked: Asked, rawHeaders: RawHeaders, signal: AbortSignal): Promise<Run> {
    const headers = ownRequestHeaders(rawHeaders)
    const tokens = await tokensOf(asked.model, headers)
    const body = { ...asked.body, stream: true, stream_options: { include_usage: true }, return_token_ids: true }
    const reply = await upstream.open({ method: 'POST', path: asked.path, headers, body: JSON.stringify(body), signal })
    let prompt: readonly number[] | null = null
    const behind = ({ ids }: Thought, more: readonly number[]) => {
      if (prompt === null || ids === null) throw new Error('the model server did not tell its token ids')
      return [...prompt, ...ids, ...more]
    }
    return {
      reply,
      reasoningField: 'reasoning',
      pieces: () => readPieces(reply.body, { route: asked.route, closeId: tokens.closeId, onPrompt: (ids) => { prompt = ids } }),
      isOpened: () => tokens.openId !== null && (prompt ?? []).slice(-OPEN_WITHIN).includes(tokens.openId),
      promptTokens: () => prompt?.length ?? null,
      probe: async (thought, signal) => readForced(await upstream.json('/v1/completions', headers, {
        ...probeBody(asked, behind(thought, tokens.ask), probeTokens, style.stops), skip_special_tokens: false,
      }, signal)),
      async answer (thought, signal) {
        const prefix = behind(thought, tokens.close)
        const room = Math.min(tokens.maxModelLen - prefix.length, (asked.maxTokens ?? Infinity) - thought.tokens)
        if (room < 1) throw new Error('there is no room for an answer')
        const body = JSON.stringify({ ...answerBody(asked, prefix, room), return_token_ids: true })
        const reply = await upstream.open({ method: 'POST', path: '/v1/completions', headers, body, signal })
        if (reply.status !== 200) throw new Error(`the answer was refused: ${reply.status} ${(await reply.body.text()).slice(0, 200)}`)
        return readPieces(reply.body, { route: 'completions' })
      },
      abort: () => { reply.body.destroy() },
    }
  }

  return { name: 'vllm', hasIds: true, hasPauses: false, refusal: () => null, begin }
}
