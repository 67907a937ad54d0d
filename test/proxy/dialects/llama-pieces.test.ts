import t from 'tap'
import { createLlamaPieces } from '../../../src/proxy/dialects/llama-pieces.js'

const TAGS = { open: '<think>', close: '</think>' }
const NAMED = { id: 'a', created: 1, model: 'm' }

t.test('thought and answer are told apart, and white space before the answer is dropped', async (t) => {
  const pieces = createLlamaPieces('chat', TAGS, NAMED, false)
  const read = ['<think>', 'a', '</think>', '\n', '42'].map((content) => pieces.of({ content, tokens: [1] }))
  t.same(read.map(({ reasoning, content, isClosing }) => [reasoning, content, isClosing]),
    [['', '', false], ['a', '', false], ['', '', true], ['', '', false], ['', '42', false]])
  t.match(read[0]!.chunk, { choices: [{ delta: { role: 'assistant' } }] })
  t.match(pieces.end('stop', 3, 5).map(({ chunk }) => chunk), [{ choices: [{ finish_reason: 'stop' }] }, { choices: [], usage: { total_tokens: 8 } }])
})

t.test('a completion has its text as it is', async (t) => {
  const pieces = createLlamaPieces('completions', TAGS, NAMED, true)
  t.match(pieces.of({ content: '</think>', tokens: [1] }), { content: '</think>', isClosing: true, chunk: { choices: [{ text: '</think>' }] } })
})
