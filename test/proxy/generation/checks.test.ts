import t from 'tap'
import type { ReasoningPrefix } from '../../../src/proxy/dialects/dialect.js'
import { probeStyle, type ForcedAnswer } from '../../../src/proxy/dialects/forced-answer.js'
import { AnswerSignals, Checks, type ChecksOptions, type StopDecision } from '../../../src/proxy/generation/checks.js'

const forced = (p: number): ForcedAnswer => ({ text: '42', logprobs: [Math.log(p)], tokens: 1, promptTokens: null, cachedTokens: null })

/** A probe that gets no answer. It ends when it is given up, as requests do. */
const untilGivenUp: ChecksOptions['probe'] = (_prefix, signal) => new Promise((_resolve, reject) => {
  signal.addEventListener('abort', () => { reject(new Error('given up')) })
})

function checksOf (more: Partial<ChecksOptions> = {}) {
  const seen = { prefixes: [] as number[], ends: [] as Array<[string, number]>, stops: [] as StopDecision[], drawn: [] as number[] }
  const checks = new Checks({
    decider: {
      isLeftAlone: () => false,
      nextCheck: (_local, tokens) => 10 * (Math.floor(tokens / 10) + 1),
      draw: (local, tokens) => { local.arm ??= 'treated'; seen.drawn.push(tokens) },
      decide: (_local, { confidence }) => ({ decision: confidence! >= 0.9 ? 'stop' : 'continue', threshold: 0.9, score: confidence, scorer: 'confidence', snapshot_version: 7 }) as any,
    },
    local: { id: 'a', group: null, prompt: 'p', context: {}, arm: null },
    style: probeStyle('plain'),
    mayProbe: () => true,
    probe: async ({ ids }) => { seen.prefixes.push(ids!.length); return forced(0.5) },
    maxProbeTokens: 16,
    isInStep: false,
    probeTimeoutMs: 60_000,
    clientGone: new AbortController().signal,
    onProbe: (end, tokens) => { seen.ends.push([end, tokens]) },
    onStop: (stop) => { seen.stops.push(stop) },
    ...more,
  })
  return { checks, seen }
}

const prefixOf = (tokens: number) => ({ tokens, ids: Array<number>(tokens).fill(1), text: 'x'.repeat(tokens) })

t.test('checks are exactly at the cadence, one at a time, however many tokens arrive at once', async (t) => {
  const { checks, seen } = checksOf()
  checks.advance(prefixOf(9))
  t.same(seen.prefixes, [])
  checks.advance(prefixOf(35))
  await checks.settled()
  t.same(seen.prefixes, [10, 20, 30])
  t.same(seen.drawn, [10, 20, 30])
  t.same(checks.steps.map(({ tokens }) => tokens), [10, 20, 30])
  t.equal(checks.probeTokens, 3)
  t.equal(checks.next, 40)
})

t.test('a probe that is given up counts with its limit, or with the tokens that the stream had meanwhile', async (t) => {
  for (const [isInStep, streamed, tokens] of [[false, 3, 16], [true, 3, 4], [true, 100, 16]] as const) {
    const reasoning = { tokens: 10, ids: null, text: '' }
    const { checks, seen } = checksOf({ isInStep, probe: untilGivenUp })
    checks.advance(reasoning)
    reasoning.tokens += streamed
    checks.end()
    t.same(seen.ends, [['late', tokens]])
    t.equal(checks.probeTokens, tokens)
  }
})

t.test('a score at the threshold stops, once, at the prefix that was probed', async (t) => {
  for (const ids of [Array.from('0123456789abcde', (char) => char.charCodeAt(0)), null]) {
    const reasoning = { tokens: 15, ids, text: ids === null ? '0123456789abcde' : '' }
    const probed: ReasoningPrefix[] = []
    const { checks, seen } = checksOf({
      async probe (prefix) {
        probed.push(structuredClone(prefix))
        reasoning.tokens += 10 // more comes while it is probed
        reasoning.ids?.push(...Array<number>(10).fill(1))
        reasoning.text += ids === null ? '9876543210' : ''
        return forced(0.95)
      },
    })
    checks.advance(reasoning)
    await checks.settled()
    const [{ by, prefix, step }] = seen.stops as [StopDecision]
    t.same([seen.stops.length, checks.steps.length, by], [1, 1, { score: step.confidence, threshold: 0.9, snapshot_version: 7 }])
    t.same([prefix], probed)
    t.match([prefix.tokens, step], ids === null ? [15, { tokens: 15, answer: '42' }] : [10, { tokens: 10, answer: '42' }])
  }
})

t.test('a probe that fails or is not allowed is no step', async (t) => {
  for (const [end, more] of [
    ['failed', { probe: async () => { throw new Error('broken') } }],
    ['skipped', { mayProbe: () => false }],
  ] as const) {
    const { checks, seen } = checksOf(more)
    checks.advance(prefixOf(10))
    await checks.settled()
    t.same([seen.ends, checks.steps, checks.probeTokens], [[[end, 0]], [], 0])
  }
})

t.test('a treated generation is neither probed nor asked about again where nothing is in force at one of its checks', async (t) => {
  let isAlone = false
  const { checks, seen } = checksOf({
    decider: {
      isLeftAlone: ({ arm }) => arm === 'treated' && isAlone,
      nextCheck: (_local, tokens) => 10 * (Math.floor(tokens / 10) + 1),
      draw: (local) => { local.arm = 'treated' },
      decide: () => ({ decision: 'continue', threshold: null }) as any,
    },
  })
  checks.advance(prefixOf(10))
  await checks.settled()
  t.same([seen.prefixes, checks.next], [[10], 20])
  isAlone = true
  checks.advance(prefixOf(20))
  await checks.settled()
  isAlone = false
  checks.advance(prefixOf(40))
  await checks.settled()
  t.same([seen.prefixes, checks.next], [[10], Infinity], 'not even once a threshold is in force')
})

/** A probe that is never answered, and rejects when it is aborted. */
const held = async (_prefix: object, signal: AbortSignal) => await new Promise<ForcedAnswer>((_resolve, reject) => {
  signal.addEventListener('abort', () => { reject(signal.reason) })
})
const givenUp = [{ tokens: 10, confidence: null, probe_tokens: 16 }]

t.test('a probe in flight at the end of the reasoning is aborted, and counts at once with all its tokens', async (t) => {
  const { checks, seen } = checksOf({ probe: held })
  checks.advance(prefixOf(10))
  checks.end()
  t.same(checks.steps, givenUp)
  t.equal(checks.probeTokens, 16)
  checks.end()
  await checks.settled()
  t.same(seen.ends, [['late', 16]])
  t.same(checks.steps, givenUp)
})

t.test('an answer that arrives after the end of the reasoning counts once and stops nothing', async (t) => {
  const late = checksOf({ probe: async () => { late.checks.end(); return forced(0.95) } })
  late.checks.advance(prefixOf(10))
  await late.checks.settled()
  t.same([late.seen.ends, late.seen.stops, late.checks.probeTokens], [[['late', 16]], [], 16])
})

t.test('a probe that takes too long, or whose client has gone, counts with all its tokens', async (t) => {
  const slow = checksOf({ probe: held, probeTimeoutMs: 1 })
  slow.checks.advance(prefixOf(10))
  await slow.checks.settled()
  t.same([slow.seen.ends, slow.checks.steps], [[['failed', 16]], givenUp])
  const client = new AbortController()
  const left = checksOf({ probe: held, probeTimeoutMs: 1000, clientGone: client.signal })
  left.checks.advance(prefixOf(35))
  client.abort()
  await left.checks.settled()
  t.same([left.seen.ends, left.checks.steps], [[['late', 16]], givenUp], 'no other probe is sent, though the reasoning is past its next check')
})

t.test('a probe without log-probabilities decides nothing, and its tokens count', async (t) => {
  const { checks, seen } = checksOf({ probe: async () => ({ ...forced(0.95), logprobs: [], promptTokens: 40, cachedTokens: 32 }) })
  checks.advance(prefixOf(10))
  await checks.settled()
  t.same(checks.steps, [{ tokens: 10, confidence: null, probe_tokens: 1 }])
  t.same([checks.probeTokens, checks.prefillTokens, seen.stops], [1, 8, []])
})

t.test('signals follow the answers so far', async (t) => {
  const signals = new AnswerSignals()
  t.same(signals.add('a', 0.5), { answer_streak: 1, confidence_delta: 0, confidence_max: 0.5, vote_share: 1 })
  t.same(signals.add('b', 0.75), { answer_streak: 1, confidence_delta: 0.25, confidence_max: 0.75, vote_share: 0.5 })
  t.same(signals.add('b', 0.5), { answer_streak: 2, confidence_delta: -0.25, confidence_max: 0.75, vote_share: 2 / 3 })
})
