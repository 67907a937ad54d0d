import t from 'tap'
import type { Forced } from '../../../src/proxy/dialects/dialect.js'
import { Checks, type ChecksParts } from '../../../src/proxy/generation/checks.js'
import { probeStyle } from '../../../src/proxy/generation/probe-styles.js'

const forced = (p: number): Forced => ({ text: '42', logprobs: [Math.log(p)], tokens: 1, promptTokens: null, cachedTokens: null })

function checksOf (more: Partial<ChecksParts> = {}) {
  const seen = { prefixes: [] as number[], ends: [] as string[], stops: [] as number[], drawn: [] as number[] }
  const checks = new Checks({
    decider: {
      nextCheck: (_one, tokens) => 10 * (Math.floor(tokens / 10) + 1),
      draw: (one, tokens) => { one.arm ??= 'treated'; seen.drawn.push(tokens) },
      decide: (_one, { confidence }) => ({ decision: confidence! >= 0.9 ? 'stop' : 'continue', threshold: 0.9 }) as any,
    },
    one: { id: 'a', group: 'a', context: {}, arm: null },
    style: probeStyle('plain'),
    mayProbe: () => true,
    probe: async ({ ids }) => { seen.prefixes.push(ids!.length); return forced(0.5) },
    onProbe: (end) => { seen.ends.push(end) },
    onStop: (threshold) => { seen.stops.push(threshold) },
    ...more,
  })
  return { checks, seen }
}

const thoughtOf = (tokens: number) => ({ tokens, ids: Array<number>(tokens).fill(1), text: 'x'.repeat(tokens) })

t.test('checks are exactly at the cadence, one at a time, however many tokens come at once', async (t) => {
  const { checks, seen } = checksOf()
  checks.advance(thoughtOf(9))
  t.same(seen.prefixes, [])
  checks.advance(thoughtOf(35))
  await checks.settled()
  t.same(seen.prefixes, [10, 20, 30])
  t.same(seen.drawn, [10, 20, 30])
  t.same(checks.steps.map(({ tokens }) => tokens), [10, 20, 30])
  t.equal(checks.probeTokens, 3)
  t.equal(checks.next, 40)
})

t.test('a score at the threshold stops, once', async (t) => {
  const { checks, seen } = checksOf({ probe: async () => forced(0.95) })
  checks.advance(thoughtOf(35))
  await checks.settled()
  t.same(seen.stops, [0.9])
  t.equal(checks.steps.length, 1)
})

t.test('a probe that fails, is not allowed or comes late is no step', async (t) => {
  const failing = checksOf({ probe: async () => { throw new Error('broken') } })
  failing.checks.advance(thoughtOf(10))
  await failing.checks.settled()
  const full = checksOf({ mayProbe: () => false })
  full.checks.advance(thoughtOf(10))
  await full.checks.settled()
  const late = checksOf({ probe: async () => { late.checks.end(); return forced(0.95) } })
  late.checks.advance(thoughtOf(10))
  await late.checks.settled()
  t.same([failing, full, late].map(({ seen, checks }) => [seen.ends, checks.steps.length]), [[['failed'], 0], [['skipped'], 0], [['late'], 0]])
  t.same(late.seen.stops, [])
  t.equal(late.checks.probeTokens, 1, 'its tokens were spent all the same')
})
