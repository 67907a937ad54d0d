import t from 'tap'
import { arePrompts, MOST_BYTES, NO_PROMPTS, PROMPT_MEMORY_MS, SeenPrompts } from '../../../src/core/evidence/seen-prompts.js'
import { draws } from './cohort-fixtures.js'

const throughStore = (seen: SeenPrompts) => new SeenPrompts(JSON.parse(JSON.stringify(seen.store())))

t.test('a prompt is remembered for a quarter to half an hour', async (t) => {
  const seen = new SeenPrompts()
  t.notOk(seen.has(0.1, 0))
  seen.add(0.1, 1000)
  for (const one of [seen, throughStore(seen)]) {
    t.ok(one.has(0.1, 1000 + 2 * PROMPT_MEMORY_MS - 1))
    t.notOk(one.has(0.1, 1000 + 2 * PROMPT_MEMORY_MS))
  }
  seen.add(0.2, 1000 + PROMPT_MEMORY_MS)
  for (const one of [seen, throughStore(seen)]) {
    t.strictSame([0.1, 0.2].map((u) => one.has(u, 999 + 2 * PROMPT_MEMORY_MS)), [true, true])
    t.strictSame([0.1, 0.2].map((u) => one.has(u, 1000 + 2 * PROMPT_MEMORY_MS)), [false, true])
  }
  seen.add(0.3, 1e9)
  t.strictSame([0.2, 0.3].map((u) => seen.has(u, 1e9)), [false, true])
})

t.test('thousands of prompts are remembered in a few kilobytes, and few others are taken for them', async (t) => {
  const seen = new SeenPrompts()
  const all = draws(12_000)
  for (const [i, u] of all.slice(0, 6000).entries()) seen.add(u, i)
  const restored = throughStore(seen)
  const found = (us: readonly number[]) => us.filter((u) => restored.has(u, 6000)).length
  t.equal(found(all.slice(4000, 6000)), 2000, 'the last are known')
  t.ok(found(all.slice(6000)) < 0.03 * 6000, `${found(all.slice(6000))} of 6,000 others`)
  t.ok(JSON.stringify(seen.store()).length < 2 * 4 / 3 * MOST_BYTES + 100)
  t.ok(arePrompts(seen.store()))
})

t.test('nothing is stored before the first prompt, and other texts are rejected', async (t) => {
  t.equal(new SeenPrompts().store(), NO_PROMPTS)
  t.notOk(arePrompts({ ...NO_PROMPTS, filters: ['?', ''] }))
  t.notOk(arePrompts({ ...NO_PROMPTS, filters: [Buffer.alloc(MOST_BYTES + 3).toString('base64'), ''] }))
})
