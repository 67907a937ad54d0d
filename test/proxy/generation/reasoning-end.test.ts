import t from 'tap'
import { ReasoningEnd } from '../../../src/proxy/generation/reasoning-end.js'
import type { Piece } from '../../../src/proxy/protocol/openai-chunks.js'

const TAGS = { open: '<think>', close: '</think>' }

const piece = (fields: Partial<Piece>): Piece => ({
  tokens: 1, ids: [1], reasoning: '', content: '', isClosing: false, finish: null, usage: null, isWithoutChoices: false, chunk: {}, text: null, ...fields,
})

const prefix = (text = '') => ({ tokens: 2, ids: [1, 1], text })

t.test('reasoning in a field of its own ends before the closing token, with the white space around it', async (t) => {
  const end = new ReasoningEnd(TAGS, true)
  end.grow(piece({ reasoning: 'so it is 42.' }))
  end.grow(piece({ reasoning: '\n' }))
  end.close(piece({ isClosing: true }), false)
  end.follow(piece({ content: '\n\n' }))
  end.follow(piece({ content: 'It is 42.' }))
  t.same(end.read(prefix()), { prefix: prefix(), before: '\n', after: '\n\n', answer: '\n\nIt is 42.' })
})

t.test('where the closing token is not among the pieces, the reasoning ends before the answer', async (t) => {
  const [shown, hidden] = [new ReasoningEnd(TAGS, true), new ReasoningEnd(TAGS, true)]
  for (const end of [shown, hidden]) end.grow(piece({ reasoning: 'so' }))
  hidden.grow(piece({ ids: [7] }))
  for (const end of [shown, hidden]) end.close(piece({ content: '42' }), false)
  t.match(shown.read(prefix()), { before: '', after: '', answer: '42' })
  t.equal(hidden.read(prefix()), null, 'tokens without text may be those of the tag')
})

t.test('white space that is left out of the answer counts', async (t) => {
  const end = new ReasoningEnd(TAGS, true)
  end.grow(piece({ reasoning: 'so' }))
  end.close(piece({ isClosing: true }), false)
  end.follow(piece({ blank: '\n\n' }))
  end.follow(piece({ content: '42' }))
  t.match(end.read(prefix()), { before: '', after: '\n\n', answer: '\n\n42' })
})

t.test('in a text the tag may be in several pieces, which token ids cannot be cut at', async (t) => {
  const [ids, text] = [new ReasoningEnd(TAGS, true), new ReasoningEnd(TAGS, false)]
  for (const end of [ids, text]) {
    end.grow(piece({ content: 'so\n</th' }))
    end.close(piece({ content: 'ink>4' }), true)
    end.follow(piece({ content: '2' }))
  }
  t.equal(ids.read(prefix()), null)
  t.match(text.read({ tokens: 2, ids: null, text: 'so\n</th' }), { prefix: { text: 'so\n' }, before: '\n', after: '', answer: '42' })
})

t.test('in a text with the tag as a piece of its own, all of the reasoning is sent', async (t) => {
  const end = new ReasoningEnd(TAGS, true)
  end.grow(piece({ content: 'so' }))
  end.close(piece({ content: '</think>', isClosing: true }), true)
  end.follow(piece({ content: '42' }))
  t.match(end.read(prefix()), { before: '', after: '', answer: '42' })
  t.equal(end.read({ ...prefix(), ids: null }), null, 'the engine did not state them')
})

t.test('the end of the reasoning in a piece with the tag is part of a text, and no prefix of token ids', async (t) => {
  const [ids, text] = [new ReasoningEnd(TAGS, true), new ReasoningEnd(TAGS, false)]
  for (const end of [ids, text]) {
    end.grow(piece({ content: 'so' }))
    end.close(piece({ content: ' it is\n</think>\n\n42' }), true)
  }
  t.equal(ids.read(prefix()), null)
  t.match(text.read({ tokens: 2, ids: null, text: 'so' }), { prefix: { text: 'so it is\n' }, before: '\n', after: '\n\n', answer: '\n\n42' })
})

t.test('reasoning that has not ended has no end', async (t) => {
  const end = new ReasoningEnd(TAGS, true)
  end.grow(piece({ reasoning: 'so' }))
  t.equal(end.read(prefix()), null)
})
