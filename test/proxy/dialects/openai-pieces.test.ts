import { Readable } from 'node:stream'
import t from 'tap'
import type { Piece } from '../../../src/proxy/dialects/dialect.js'
import { readPieces, StreamError } from '../../../src/proxy/dialects/openai-pieces.js'
import { byteSource } from '../byte-source.js'

const bodyOf = (...events: unknown[]): Readable =>
  Readable.from(events.map((event) => Buffer.from(`data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`)))
async function all (body: Readable, prompts: unknown[] = []) {
  const pieces: Piece[] = []
  const read = readPieces(byteSource(body), { route: 'chat', closeId: 7, onPrompt: (ids) => { prompts.push(ids) } })
  await read((some) => { pieces.push(...some); return null })
  return pieces
}

t.test('token ids are taken out of the chunks', async (t) => {
  const prompts: unknown[] = []
  const chunk = (delta: object, ids?: number[]) => {
    const choices = [{ delta, token_ids: ids, finish_reason: null }]
    return ids === undefined ? { choices, prompt_token_ids: [1] } : { choices }
  }
  const pieces = await all(bodyOf(chunk({ role: 'assistant' }), chunk({ reasoning: 'ab' }, [5, 6]), chunk({ reasoning_content: 'c' }, [7]), '[DONE]'), prompts)
  t.same(prompts, [[1]])
  t.match(pieces, [{ tokens: 0 }, { tokens: 2, ids: [5, 6], reasoning: 'ab', isClosing: false }, { reasoning: 'c', isClosing: true }])
  t.notOk(JSON.stringify(pieces.map(({ chunk }) => chunk)).includes('token_ids'))
})

t.test('a chunk goes on as it came but for the token ids, also where a text speaks of them', async (t) => {
  const told = ',"token_ids":[1] and "token_ids":[2]'
  const chunk = (ids: object) => ({ choices: [{ delta: { reasoning: told }, ...ids, finish_reason: null }] })
  const logprobs = { top: 1, token_ids: [5] }
  const pieces = await all(bodyOf(
    chunk({ token_ids: [5] }), chunk({}), chunk({ logprobs }),
    chunk({ logprobs, token_ids: [5] }), { prompt_token_ids: null, ...chunk({ token_ids: null }) }, '{"choices":\ndata:[]}', '[DONE]'))
  const clean = [chunk({}), chunk({}), chunk({ logprobs }), chunk({ logprobs }), chunk({}), { choices: [] }]
  t.same(pieces.map(({ chunk }) => JSON.stringify(chunk)), clean.map((one) => JSON.stringify(one)))
  t.same(pieces.map(({ text }) => text), [...clean.slice(0, 3).map((one) => JSON.stringify(one)), null, null, null],
    'one that has ids elsewhere, too, or that of the prompt, or several lines, is written anew')
})

t.test('an error, and a stream that breaks off, throw', async (t) => {
  await t.rejects(all(bodyOf({ error: { message: 'x' } })), StreamError)
  await t.rejects(all(bodyOf({ choices: [] })), /broke off/)
})
