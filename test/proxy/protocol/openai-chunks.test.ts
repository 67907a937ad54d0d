import { Readable } from 'node:stream'
import t from 'tap'
import { readPieces, StreamError, usageOf, type Piece } from '../../../src/proxy/protocol/openai-chunks.js'
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

t.test('a chunk goes on as it came without the token ids, even if a text contains their name', async (t) => {
  const text = ',"token_ids":[1] and "token_ids":[2]'
  const chunk = (ids: object) => ({ choices: [{ delta: { reasoning: text }, ...ids, finish_reason: null }] })
  const logprobs = { top: 1, token_ids: [5] }
  const pieces = await all(bodyOf(
    chunk({ token_ids: [5] }), chunk({}), chunk({ logprobs }),
    chunk({ logprobs, token_ids: [5] }), { prompt_token_ids: null, ...chunk({ token_ids: null }) }, '{"choices":\ndata:[]}', '[DONE]'))
  const clean = [chunk({}), chunk({}), chunk({ logprobs }), chunk({ logprobs }), chunk({}), { choices: [] }]
  t.same(pieces.map(({ chunk }) => JSON.stringify(chunk)), clean.map((one) => JSON.stringify(one)))
  t.same(pieces.map(({ text }) => text), [...clean.slice(0, 3).map((one) => JSON.stringify(one)), null, null, null],
    'a chunk with other ids, with those of the prompt or with several lines is serialized again')
})

t.test('an error, and a stream that breaks off, throw', async (t) => {
  await t.rejects(all(bodyOf({ error: { message: 'x' } })), StreamError)
  await t.rejects(all(bodyOf({ choices: [] })), /broke off/)
})

t.test('a malformed chunk goes on as it came if it has choices', async (t) => {
  const malformed = [
    { choices: 5 }, { choices: {} }, { choices: 'ab' }, { choices: [null] }, { choices: [5] }, { choices: [{ delta: 'a' }] },
    { choices: [{ delta: { content: null, reasoning: null } }] }, { choices: [], usage: 7 }, { choices: [{ delta: { content: ['a'] } }], usage: null },
  ]
  const pieces = await all(bodyOf(...malformed, '[DONE]'))
  t.same(pieces.map(({ text }) => text), malformed.map((chunk) => JSON.stringify(chunk)))
  t.same(pieces.map(({ content, reasoning, finish, usage, ids }) => [content, reasoning, finish, usage, ids]),
    malformed.map((_, i) => [i === 8 ? 'a' : '', '', null, null, null]), 'a text of another type is read as JavaScript prints it')
  const [ids] = await all(bodyOf({ choices: [{ delta: { content: 'a' }, token_ids: 'x', finish_reason: 5 }] }, '[DONE]'))
  t.match(ids, { tokens: 1, ids: null, isClosing: false, finish: '5' })
})

t.test('an event that is no chunk ends the stream, and the client gets it', async (t) => {
  for (const data of ['5', '"a"', '[]', '{}', 'null']) {
    const error = await all(bodyOf(data, '[DONE]')).then(() => null, (error: StreamError) => error)
    t.type(error, StreamError, data)
    t.equal(JSON.stringify(error!.chunk), data)
  }
  await t.rejects(all(bodyOf('{"choices":')), SyntaxError)
  await t.rejects(all(bodyOf({ choices: null })), /null for its choices/)
})

t.test('usage is read as far as it has numbers, and goes on as it came', async (t) => {
  const usage = { prompt_tokens: 3, completion_tokens: '4', other: { a: 1 } }
  const [piece] = await all(bodyOf({ choices: [], usage }, '[DONE]'))
  t.same(piece!.usage, { promptTokens: 3, completionTokens: null, json: usage })
  t.equal(piece!.isWithoutChoices, true)
  t.same(usageOf(3, 4).json, { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 })
})
