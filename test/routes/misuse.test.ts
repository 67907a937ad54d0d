import t, { type Test } from 'tap'
import { EVIDENCE_CHECKS, type EvidenceWarning } from '../../src/core/decide/warnings.js'
import type { ReportedOutcome } from '../../src/core/outcome/outcome.js'
import { certify, CONTEXT, KEY, losslessOutcome, reportTo, untilEvidence } from '../certify.js'
import { countsOf } from '../follow-up-counts.js'
import { build, type Built, until } from '../helper.js'
import { ALL_CONTROL, ALL_SHUFFLED, QUICK_TIMES, quickPolicy, SHUFFLED } from '../quick-policy.js'

// Workers whose reports are no evidence. Each misuse gets its warning and no certificate; the same worker without it gets one.

/** More lossless generations than a first certificate needs. */
const ENOUGH = 300

const times = <T>(make: (i: number) => T): T[] => Array.from({ length: ENOUGH }, (_, i) => make(i))

/** A control outcome that loses nothing at any threshold, but for the changes. */
function controlOutcome (i: number, changes: Partial<ReportedOutcome> = {}): ReportedOutcome {
  return {
    generation_id: `g${i}`,
    samples: 1,
    arm: 'control',
    context: CONTEXT,
    tokens: 64,
    answer: String(i),
    steps: [{ tokens: 32, confidence: 1, answer: String(i) }],
    ...changes,
  }
}

/** Reports outcomes, and waits until they are evidence. @returns the context */
async function learned (built: Built, outcomes: readonly ReportedOutcome[]): Promise<any> {
  await reportTo(built, outcomes)
  return await untilEvidence(built, outcomes.length)
}

async function contextOf ({ send }: Pick<Built, 'send'>): Promise<any> {
  return (await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)).body
}

const counts = (built: Built) => countsOf((path) => built.send('GET', path), KEY)

/** Checks that a warning shows wherever workers and operators look. */
async function isWarnedOf (t: Test, { send }: Built, warning: EvidenceWarning): Promise<void> {
  const step = { arm: 'treated', tokens: 32, confidence: 1, context: CONTEXT }
  const found = async (path: string) => (await send('GET', path)).body
  await until(`decisions warn of ${warning}`, async () => (await send('POST', '/v1/decisions', step)).body.warnings.includes(warning))
  t.ok((await found('/readyz')).warnings.some((text: string) => text.includes(EVIDENCE_CHECKS[warning].problem)), 'in /readyz')
  t.ok((await found('/metrics')).includes(`stopgate_contexts_warned{warning="${warning}"} 1\n`), 'in metrics')
  t.ok((await found('/v1/fleet')).alarms.some(({ key, alarm }: { key: string, alarm: string }) => key === KEY && alarm === warning), 'on the page')
}

t.test('an extractor that returns empty text certifies nothing', async (t) => {
  t.match(await learned(await build(t, ALL_SHUFFLED), times((i) => controlOutcome(i))), { threshold: Number })
  const empty = { answer: ' ', steps: [{ tokens: 32, confidence: 1, answer: '' }] }
  const misused = await learned(await build(t, ALL_SHUFFLED), times((i) => controlOutcome(i, empty)))
  t.equal(misused.threshold, null)
  t.ok(misused.warnings.includes('grader_broken'), `${misused.warnings}: none agrees, and no label comes in time`)
})

t.test('a grader that never matches certifies nothing', async (t) => {
  const wrong = (i: number) => controlOutcome(i, { reference: 'never', steps: [{ tokens: 32, confidence: 1, answer: 'other' }] })
  const built = await build(t, ALL_SHUFFLED)
  t.match(await learned(built, times(wrong)), { threshold: null, labels: { grader_fault: 'differing_answers_graded_alike' } })
  await isWarnedOf(t, built, 'grader_broken')
  t.match(await learned(await build(t, ALL_SHUFFLED), times((i) => i === 0 ? { ...wrong(i), reference: 'other' } : wrong(i))), { threshold: Number }, 'a grader that matches once')
})

t.test('a context whose answers are too long to be probed says that it cannot be certified', async (t) => {
  const unprobed = (i: number) => controlOutcome(i, { answer: `${i}: a long answer`, steps: [{ tokens: 32, confidence: null }] })
  const built = await build(t, ALL_SHUFFLED)
  t.match(await learned(built, times(unprobed)), { threshold: null, diagnosis: { reason: 'reports_faulty', text: /answers_unprobed/ } })
  await isWarnedOf(t, built, 'answers_unprobed')
})

t.test('agreement on calls of tools is certified as the same next action', async (t) => {
  const call = (i: number) => `search {"query":"${i}"}`
  const called = (i: number) => controlOutcome(i, { answer: call(i), steps: [{ tokens: 32, confidence: 1, answer: call(i) }] })
  const built = await build(t, { DEFAULT_POLICY: quickPolicy({ ...SHUFFLED, label: 'agreement' }) })
  t.match(await learned(built, times(called)), { threshold: Number, guarantee: { about: /the same next action/ } })
})

t.test('a grader that is repaired starts from zero', async (t) => {
  const built = await build(t, ALL_CONTROL)
  const constant = times((i) => controlOutcome(i, { answer: 'I', steps: [{ tokens: 32, confidence: 1, answer: 'I' }] }))
  t.match(await learned(built, constant), { threshold: null, warnings: ['grader_broken'], labels: { grader_fault: 'answers_all_the_same' } })
  await reportTo(built, [controlOutcome(ENOUGH)])
  const repaired = await until('it is learned', async () => { const context = await contextOf(built); return context.epoch === 2 && context })
  t.match(repaired, { threshold: null, warnings: [], generations: { control: 0 } })
  t.match((await built.send('GET', '/v1/history')).body.changes, [{ key: KEY, cause: 'repair', epoch: 2 }])
})

t.test('of 16 samples of a prompt that share its hash one is evidence', async (t) => {
  const built = await build(t, ALL_SHUFFLED)
  const prompts = Math.ceil(ENOUGH / 16)
  const claimed = (i: number) => i % 2 === 0 ? 1 : undefined // a hash that comes again shows that `samples: 1` is wrong
  await reportTo(built, times((i) => controlOutcome(i, { samples: claimed(i), prompt_hash: `prompt ${Math.floor(i / 16)}` })))
  t.match(await untilEvidence(built, prompts), { threshold: null, warnings: [], follow_up: { enrolled: prompts, left_out: 0 } })
  t.match(await counts(built), { reported: prompts, unmarked: 0 })
})

t.test('samples of a prompt that nothing marks certify nothing', async (t) => {
  for (const [name, mark, threshold] of [['unmarked', { samples: undefined }, null], ['of different prompts', { samples: 1 }, Number]] as const) {
    const built = await build(t, ALL_SHUFFLED)
    t.match(await learned(built, times((i) => controlOutcome(i, mark))), { threshold }, name)
    if (name !== 'unmarked') continue
    const { body } = await built.send('POST', '/v1/outcomes', controlOutcome(0, mark))
    t.ok(body.warnings.includes('prompt_unmarked'))
    await isWarnedOf(t, built, 'prompt_unmarked')
  }
})

t.test('a fleet of which a fifth never enrols certifies nothing', async (t) => {
  for (const [name, isSilent, threshold] of [['a fifth', (i: number) => i % 5 === 0, null], ['none', () => false, Number]] as const) {
    const built = await build(t, ALL_SHUFFLED, undefined, { times: { ...QUICK_TIMES, wait: 500 } })
    const silent = times(isSilent).filter(Boolean).length
    await reportTo(built, times((i) => controlOutcome(i, isSilent(i) ? { arm: undefined } : {})))
    await until('nothing waits for its list', async () => (await counts(built)).unenrolled === silent)
    t.match(await untilEvidence(built, ENOUGH - silent), { threshold, follow_up: { left_out: silent } }, name)
    if (name === 'a fifth') await isWarnedOf(t, built, 'left_out_high')
  }
})

t.test('treated workers that ask between checks are not stopped there if they echo the due check', async (t) => {
  const built = await build(t)
  await certify(built)
  const step = { generation_id: 'g', arm: 'treated', tokens: 16, confidence: 1, context: CONTEXT }
  t.match((await built.send('POST', '/v1/decisions', step)).body, { decision: 'stop' }, 'the service does not know what the last reply named')
  t.match((await built.send('POST', '/v1/decisions', { ...step, due_tokens: 32 })).body, { decision: 'continue', reason: 'asked_early', warnings: ['asked_early'] })
})

t.test('treated workers that ask between checks without an echo lose the certificate until the context is reset', async (t) => {
  for (const asked of [1, 4]) {
    const built = await build(t, ALL_CONTROL)
    await certify(built)
    const outcomes = Array.from({ length: 40 }, (_, i) => [
      { ...losslessOutcome(`control-${i}`), steps_asked: 2 },
      { generation_id: `treated-${i}`, arm: 'treated', context: CONTEXT, tokens: 32, em: 1, stopped: true, steps_asked: asked, stopped_probe: { tokens: 32, em: 1 } },
    ]).flat()
    await reportTo(built, outcomes)
    await until('they are learned', async () => (await contextOf(built)).generations?.treated === 40 && built.snapshotHolder.lag() === 0)
    if (asked === 1) {
      t.match(await contextOf(built), { threshold: Number, warnings: [] })
      continue
    }
    await isWarnedOf(t, built, 'cadences_differ')
    await until('the threshold is withdrawn', async () => (await contextOf(built)).threshold === null)
    await built.send('POST', `/v1/contexts/${encodeURIComponent(KEY)}/reset`, { reason: 'The worker is repaired.' })
    await until('it begins again', async () => (await contextOf(built)).epoch === 2)
    t.match(await contextOf(built), { threshold: null, warnings: [] })
  }
})

t.test('a retry is never stopped, and is counted nowhere', async (t) => {
  const built = await build(t, ALL_CONTROL)
  await certify(built)
  const before = await contextOf(built)
  const retry = { generation_id: 'again', retry_of: 'first', tokens: 32, confidence: 1, context: CONTEXT }
  t.match((await built.send('POST', '/v1/decisions', retry)).body, { decision: 'continue', reason: 'retry', arm: 'treated', warnings: [] })
  const { steps: _, ...outcome } = losslessOutcome('again')
  t.match((await built.send('POST', '/v1/outcomes', { ...outcome, retry_of: 'first' })).body, { accepted: 1, label_wanted: false })
  await reportTo(built, [losslessOutcome('the next one')])
  await until('the next outcome is learned', async () => (await contextOf(built)).generations.control > before.generations.control)
  const { generations: { control, treated } } = before
  t.match(await contextOf(built), { generations: { control: control + 1, treated } })
})

t.test('control outcomes that report every fourth of the steps that they asked certify nothing', async (t) => {
  const steps = [32, 64, 96, 128].map((tokens) => ({ tokens, confidence: 1, em: tokens === 128 ? 1 : 0 } as const))
  const whole = (i: number): ReportedOutcome => ({ generation_id: `g${i}`, samples: 1, arm: 'control', context: CONTEXT, tokens: 128, em: 1, steps_asked: 4, steps })
  for (const [name, outcome, threshold] of [
    ['every step', whole, null], ['every fourth', (i: number) => ({ ...whole(i), steps: steps.slice(3) }), null],
    ['right answers', (i: number) => ({ ...whole(i), steps: steps.map((step) => ({ ...step, em: 1 as const })) }), Number],
  ] as const) {
    const built = await build(t, ALL_SHUFFLED)
    t.match(await learned(built, times(outcome)), { threshold }, name)
    if (name !== 'every fourth') continue
    const { body } = await built.send('POST', '/v1/outcomes', { ...outcome(0), generation_id: 'g0' })
    t.ok(body.warnings.includes('steps_missing'))
    await isWarnedOf(t, built, 'steps_missing')
  }
})
