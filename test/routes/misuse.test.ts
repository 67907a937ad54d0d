import t, { type Test } from 'tap'
import { EVIDENCE_CHECKS, type EvidenceWarning } from '../../src/core/contexts/evidence-checks.js'
import type { ReportedOutcome } from '../../src/core/outcome/outcome.js'
import { CONTEXT, KEY, report } from '../certify.js'
import { build, type Built, until } from '../helper.js'

// Workers that report what is no evidence. Each misuse gets its warning and no certificate; the same worker without it gets one.

/** More lossless generations than a first certificate needs. */
const ENOUGH = 300

const times = <T>(make: (i: number) => T): T[] => Array.from({ length: ENOUGH }, (_, i) => make(i))

/** A control outcome that loses nothing at any threshold, but for the changes. */
function controlOutcome (i: number, changes: Partial<ReportedOutcome> = {}): ReportedOutcome {
  return {
    generation_id: `g${i}`, arm: 'control', context: CONTEXT, tokens: 64, answer: String(i), steps: [{ tokens: 32, confidence: 1, answer: String(i) }], ...changes,
  }
}

/** Reports outcomes, and waits until they are learned. @returns the context */
async function learned ({ send, snapshotHolder }: Built, outcomes: readonly ReportedOutcome[]): Promise<any> {
  await report((path, body) => send('POST', path, body), outcomes)
  return await until('they are learned', async () => {
    const { body } = await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)
    return body.follow_up?.enrolled === outcomes.length && snapshotHolder.lag() === 0 && body
  })
}

/** Checks that a warning shows wherever workers and operators look. */
async function isWarnedOf (t: Test, { send }: Built, warning: EvidenceWarning): Promise<void> {
  const step = { arm: 'treated', tokens: 32, confidence: 1, context: CONTEXT }
  const found = async (path: string) => (await send('GET', path)).body
  t.ok((await send('POST', '/v1/decisions', step)).body.warnings.includes(warning), 'in decisions')
  t.ok((await found('/readyz')).warnings.some((text: string) => text.includes(EVIDENCE_CHECKS[warning].problem)), 'in /readyz')
  t.match(await found('/metrics'), `stopgate_contexts_warned{warning="${warning}"} 1\n`)
  t.ok((await found('/v1/fleet')).alarms.some(({ key, alarm }: { key: string, alarm: string }) => key === KEY && alarm === warning), 'on the page')
}

t.test('an extractor that returns empty text certifies nothing', async (t) => {
  t.match(await learned(await build(t), times((i) => controlOutcome(i))), { threshold: Number })
  const empty = { answer: ' ', steps: [{ tokens: 32, confidence: 1, answer: '' }] }
  const misused = await learned(await build(t), times((i) => controlOutcome(i, empty)))
  t.match(misused, { threshold: null, warnings: ['outcomes_missing'] })
})

t.test('a grader that never matches certifies nothing', async (t) => {
  const wrong = (i: number) => controlOutcome(i, { reference: 'never', steps: [{ tokens: 32, confidence: 1, answer: 'other' }] })
  const built = await build(t)
  t.match(await learned(built, times(wrong)), { threshold: null, grader: { differing: ENOUGH, changing: 0 } })
  await isWarnedOf(t, built, 'grader_broken')
  t.match(await learned(await build(t), times((i) => i === 0 ? { ...wrong(i), reference: 'other' } : wrong(i))), { threshold: Number }, 'a grader that matches once')
})

t.test('a grader that is repaired starts from zero', async (t) => {
  const built = await build(t)
  const constant = times((i) => controlOutcome(i, { answer: 'I', steps: [{ tokens: 32, confidence: 1, answer: 'I' }] }))
  t.match(await learned(built, constant), { threshold: null, warnings: ['grader_broken'], grader: { answers: ENOUGH, all_the_same: true } })
  await report((path, body) => built.send('POST', path, body), [controlOutcome(ENOUGH)])
  const url = `/v1/contexts/${encodeURIComponent(KEY)}`
  const repaired = await until('it is learned', async () => { const { body } = await built.send('GET', url); return body.epoch === 2 && body })
  t.match(repaired, { threshold: null, warnings: [], control_generations: 0 })
  t.match((await built.send('GET', '/v1/history')).body.changes, [{ key: KEY, cause: 'grader', epoch: 2 }])
})

t.test('control outcomes that report every fourth of the steps that they asked certify nothing', async (t) => {
  const steps = [32, 64, 96, 128].map((tokens) => ({ tokens, confidence: 1, em: tokens === 128 ? 1 : 0 } as const))
  const whole = (i: number): ReportedOutcome => ({ generation_id: `g${i}`, arm: 'control', context: CONTEXT, tokens: 128, em: 1, steps })
  for (const [name, outcome, threshold] of [
    ['every step', whole, null], ['every fourth', (i: number) => ({ ...whole(i), steps: steps.slice(3) }), null],
    ['right answers', (i: number) => ({ ...whole(i), steps: steps.map((step) => ({ ...step, em: 1 as const })) }), Number],
  ] as const) {
    const built = await build(t)
    const asked = times((i) => steps.map(({ tokens, confidence }) => ({ generation_id: `g${i}`, arm: 'control', context: CONTEXT, tokens, confidence }))).flat()
    await built.send('POST', '/v1/decisions/batch', { steps: asked })
    t.match(await learned(built, times(outcome)), { threshold }, name)
    if (name !== 'every fourth') continue
    const { body } = await built.send('POST', '/v1/outcomes', { ...outcome(0), generation_id: 'g0' })
    t.ok(body.warnings.includes('steps_missing'))
    await isWarnedOf(t, built, 'steps_missing')
  }
})
