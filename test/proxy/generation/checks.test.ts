import t from 'tap'
import type { Forced } from '../../../src/proxy/dialects/dialect.js'
import { Checks, type ChecksParts } from '../../../src/proxy/generation/checks.js'
import { probeStyle } from '../../../src/proxy/generation/probe-styles.js'

const forced = (p: number): Forced => ({ text: '42', logprobs: [Math.log(p)], tokens: 1, promptTokens: null, cachedTokens: null })

function checksOf (more: Partial<ChecksParts> = {}) {
  const seen = { prefixes: [] as number[], ends: [] as Array<[string, number]>, stops: [] as number[], drawn: [] as number[] }
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
    maxProbeTokens: 16,
    probeTimeoutMs: 60_000,
    gone: new AbortController().signal,
    onProbe: (end, tokens) => { seen.ends.push([end, tokens]) },
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

t.test('a probe that fails or is not allowed is no step', async (t) => {
  for (const [end, more] of [
    ['failed', { probe: async () => { throw new Error('broken') } }],
    ['skipped', { mayProbe: () => false }],
  ] as const) {
    const { checks, seen } = checksOf(more)
    checks.advance(thoughtOf(10))
    await checks.settled()
    t.same([seen.ends, checks.steps, checks.probeTokens], [[[end, 0]], [], 0])
  }
})

/** A probe that is never answered, and rejects when it is aborted. */
const held = async (_thought: object, signal: AbortSignal) => await new Promise<Forced>((_resolve, reject) => {
  signal.addEventListener('abort', () => { reject(signal.reason) })
})
const givenUp = [{ tokens: 10, confidence: null, probe_tokens: 16 }]

t.test('a probe in flight at the end of the thought is aborted, and counts at once as it was asked for', async (t) => {
  const { checks, seen } = checksOf({ probe: held })
  checks.advance(thoughtOf(10))
  checks.end()
  t.same(checks.steps, givenUp)
  t.equal(checks.probeTokens, 16)
  checks.end()
  await checks.settled()
  t.same(seen.ends, [['late', 16]])
  t.same(checks.steps, givenUp)
})

t.test('an answer that comes after the end of the thought counts once and stops nothing', async (t) => {
  const late = checksOf({ probe: async () => { late.checks.end(); return forced(0.95) } })
  late.checks.advance(thoughtOf(10))
  await late.checks.settled()
  t.same([late.seen.ends, late.seen.stops, late.checks.probeTokens], [[['late', 16]], [], 16])
})

t.test('a probe that takes too long, or whose client has gone, counts as it was asked for', async (t) => {
  const slow = checksOf({ probe: held, probeTimeoutMs: 1 })
  slow.checks.advance(thoughtOf(10))
  await slow.checks.settled()
  t.same([slow.seen.ends, slow.checks.steps], [[['failed', 16]], givenUp])
  const client = new AbortController()
  const left = checksOf({ probe: held, probeTimeoutMs: 1000, gone: client.signal })
  left.checks.advance(thoughtOf(35))
  client.abort()
  await left.checks.settled()
  t.same([left.seen.ends, left.checks.steps], [[['late', 16]], givenUp], 'no other probe is sent, though the thought is past its next check')
})

t.test('a probe without log-probabilities decides nothing, and its tokens count', async (t) => {
  const { checks, seen } = checksOf({ probe: async () => ({ ...forced(0.95), logprobs: [], promptTokens: 40, cachedTokens: 32 }) })
  checks.advance(thoughtOf(10))
  await checks.settled()
  t.same(checks.steps, [{ tokens: 10, confidence: null, probe_tokens: 1 }])
  t.same([checks.probeTokens, checks.prefillTokens, seen.stops], [1, 8, []])
})
