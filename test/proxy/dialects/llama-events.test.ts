import t from 'tap'
import { createLlamaTranslator, parseLlamaEvent } from '../../../src/proxy/dialects/llama-events.js'
import { StreamError } from '../../../src/proxy/protocol/openai-chunks.js'

const TAGS = { open: '<think>', close: '</think>' }
const NAMED = { id: 'a', created: 1, model: 'm' }
const eventOf = (content: string) => parseLlamaEvent(JSON.stringify({ content, tokens: [1] }))

t.test('reasoning and answer are separated, and white space before the answer is dropped', async (t) => {
  const translator = createLlamaTranslator('chat', TAGS, NAMED, false)
  const read = ['<think>', 'a', '</think>', '\n', '42'].map((content) => translator.pieceOf(eventOf(content)))
  t.same(read.map(({ reasoning, content, isClosing }) => [reasoning, content, isClosing]),
    [['', '', false], ['a', '', false], ['', '', true], ['', '', false], ['', '42', false]])
  t.match(read[0]!.chunk, { choices: [{ delta: { role: 'assistant' } }] })
  const usage = { total_tokens: 8, prompt_tokens_details: { cached_tokens: 2 } }
  const ends = translator.endPieces('stop', { promptTokens: 3, cachedTokens: 2 }, 5)
  t.match(ends.map(({ chunk }) => chunk), [{ choices: [{ finish_reason: 'stop' }] }, { choices: [], usage }])
  t.notMatch(translator.endPieces('stop', { promptTokens: 3, cachedTokens: null }, 5)[1]!.chunk.usage, { prompt_tokens_details: {} })
})

t.test('a completion keeps its text', async (t) => {
  const translator = createLlamaTranslator('completions', TAGS, NAMED, true)
  t.match(translator.pieceOf(eventOf('</think>')), { content: '</think>', isClosing: true, chunk: { choices: [{ text: '</think>' }] } })
})

t.test('an event is read whatever its fields are, and an error ends the stream', async (t) => {
  const event = { content: '', tokens: [], isEnd: false, isAtLimit: false, promptTokens: null, cachedTokens: null }
  t.same(parseLlamaEvent('{"content":"a","tokens":[5,6],"stop":true,"stop_type":"limit","tokens_evaluated":9,"timings":{"cache_n":7}}'),
    { content: 'a', tokens: [5, 6], isEnd: true, isAtLimit: true, promptTokens: 9, cachedTokens: 7 })
  for (const data of ['{}', 'null', '5', '[]', '{"content":null,"tokens":"x","stop":"yes","stop_type":1,"tokens_evaluated":"y"}']) t.same(parseLlamaEvent(data), event, data)
  t.same(parseLlamaEvent('{"content":5,"tokens":["a"]}'), { ...event, content: '5' })
  t.throws(() => parseLlamaEvent('{"error":{"code":500}}'), StreamError)
  t.throws(() => parseLlamaEvent('{"content":'), SyntaxError)
})
