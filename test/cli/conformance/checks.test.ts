import t from 'tap'
import * as checks from '../../../src/cli/conformance/checks.js'
import type { Check } from '../../../src/cli/conformance/checks.js'
import { type Exchange, generationsOf } from '../../../src/cli/conformance/generation-record.js'

const CONTEXT = { model: 'q', task: 'x' }

const call = (path: string, body: object, reply: object | null, rest: Partial<Exchange> = {}): Exchange => {
  const served = reply === null ? null : { status: 200, body: reply }
  return { method: 'POST', path, body, served, reply: served, ...rest }
}

const told = (fields: object = {}) => ({ decision: 'continue', arm: 'control', next_check_tokens: 64, warnings: [], ...fields })
const step = (fields: object = {}) => ({ generation_id: 'g', tokens: 32, confidence: 0.5, context: CONTEXT, ...fields })

const asked = (fields: object = {}, decision: object = {}): Exchange => call('/v1/decisions', step(fields), told(decision))
const later = (fields: object = {}, decision: object = {}): Exchange =>
  asked({ tokens: 64, arm: 'control', due_tokens: 64, ...fields }, { next_check_tokens: 96, ...decision })

const OUTCOME = {
  generation_id: 'g', context: CONTEXT, arm: 'control', samples: 1, tokens: 80, em: 1, steps_asked: 2, steps: [{ tokens: 32, em: 0 }, { tokens: 64, em: 1 }],
}
const reported = (fields: object = {}, receipt: object = {}): Exchange =>
  call('/v1/outcomes', { ...OUTCOME, ...fields }, { accepted: 1, duplicates: 0, label_wanted: false, ...receipt })

const unanswered = (exchange: Exchange): Exchange => ({ ...exchange, reply: null })
const refused = (exchange: Exchange, status: number): Exchange => ({ ...exchange, served: null, reply: { status, body: { message: 'no' } } })

const GOOD = [asked(), later(), reported()]
const STOP = { decision: 'stop', arm: 'treated' }
const STOPPED = { arm: 'treated', stopped: true, stopped_probe: { tokens: 32, em: 1 }, steps_asked: 1, steps: undefined }

const judge = (check: Check, exchanges: readonly Exchange[]) => check.judge({ exchanges, generations: generationsOf(exchanges) })

const passes = (...exchanges: Exchange[]) => ({ exchanges, expected: { problems: [] } })
const fails = (problem: string | RegExp, ...exchanges: Exchange[]) => ({ exchanges, expected: { problems: [problem] } })
const skips = (...exchanges: Exchange[]) => ({ exchanges, expected: { skip: String } })

const CASES: Record<string, [Check, ...Array<{ exchanges: Exchange[], expected: object }>]> = {
  BEGINS: [checks.BEGINS, passes(...GOOD), fails(/STOPGATE_URL/), fails(/lack generation_id/, asked({ generation_id: undefined }))],
  IS_VALID: [
    checks.IS_VALID, passes(...GOOD),
    fails(/\/tokens must be a number/, call('/v1/decisions/batch', {}, { decisions: [{ error: { path: '/tokens', message: 'must be a number' } }] })),
    fails(/400 wrong/, call('/v1/outcomes', {}, null, { served: { status: 400, body: { message: 'wrong' } } })),
  ],
  NO_WARNINGS: [
    checks.NO_WARNINGS, passes(...GOOD), passes(asked({}, { warnings: ['grader_broken'] })),
    skips(unanswered(asked()), later({}, { warnings: ['first_step_late'] })),
    fails('g: asked_early', asked({}, { warnings: ['asked_early'] })),
    fails('g: arm_missing', asked(), reported({}, { warnings: ['arm_missing'] })),
  ],
  ASKS_FIRST: [
    checks.ASKS_FIRST, passes(...GOOD), fails(/states an arm/, asked({ arm: 'treated' })),
    fails(/first asked at 64/, asked({ tokens: 64 }, { warnings: ['first_step_late'] })),
    fails(/neither asked about nor enrolled/, reported()),
    passes(call('/v1/enrolments', { generations: [{ generation_id: 'g' }] }, {}), reported()),
  ],
  KEEPS_ARM: [
    checks.KEEPS_ARM, passes(...GOOD), skips(asked()), fails('g: told control, sent null at 64 tokens', asked(), later({ arm: undefined })),
  ],
  KEEPS_DUE: [
    checks.KEEPS_DUE, passes(...GOOD), fails(/asked at 64, due_tokens null/, asked(), later({ due_tokens: undefined })),
    fails(/asked at 48/, asked(), later({ tokens: 48 })), skips(asked(), asked({ arm: 'control', em: 1 })),
    passes(asked(), unanswered(later()), later({ tokens: 96 })),
  ],
  RESTS: [
    checks.RESTS, skips(...GOOD), passes(asked({}, { arm: 'treated', next_check_tokens: null })),
    fails('g: asked again at 64 tokens', asked({}, { arm: 'treated', next_check_tokens: null }), later()),
  ],
  REPORTS_ONCE: [
    checks.REPORTS_ONCE, skips(reported()), passes(...GOOD), passes(asked(), unanswered(reported()), refused(reported(), 503), reported()),
    fails('g: no outcome', asked()),
    fails(/was not sent until/, asked(), unanswered(reported())), fails('g: stored by 2 calls', ...GOOD, reported()),
  ],
  STATES_ARM: [
    checks.STATES_ARM, passes(...GOOD), fails('g: told control, reported undefined', asked(), reported({ arm: undefined })),
    fails(/asked at 64 tokens, reported 40/, asked(), later(), reported({ tokens: 40 })), skips(asked(), reported({ cancelled: true })),
  ],
  HAS_STEPS: [
    checks.HAS_STEPS, passes(...GOOD),
    fails(/asked at 64 tokens, which are no steps/, asked(), later(), reported({ steps: [{ tokens: 32, em: 1 }] })),
    fails(/no step has em or answer/, asked(), reported({ steps: [{ tokens: 32 }] })),
    fails('g: no steps', asked(), reported({ steps: undefined })),
    skips(asked({}, { arm: 'treated' }), reported({ arm: 'treated' })), skips(asked(), reported({ steps_complete: false })),
  ],
  COUNTS_STEPS: [
    checks.COUNTS_STEPS, passes(...GOOD), fails(/steps_asked undefined/, asked(), reported({ steps_asked: undefined })),
    fails(/steps_asked 1/, asked(), later(), reported({ steps_asked: 1 })),
  ],
  IS_GRADED: [
    checks.IS_GRADED, passes(...GOOD), passes(reported({ em: undefined, answer: '4' })),
    fails('g: neither em nor answer', reported({ em: undefined })),
  ],
  MARKS_PROMPTS: [
    checks.MARKS_PROMPTS, passes(...GOOD), passes(reported({ group_id: 'q', samples: 2 })),
    fails('g: group_id without samples', reported({ group_id: 'q', samples: undefined })),
    fails('g: none of them', reported({ samples: undefined })),
    passes(asked({ prompt_hash: 'p' }), reported({ prompt_hash: 'p', samples: undefined })),
    fails(/null in the first step/, asked(), reported({ prompt_hash: 'p', samples: undefined })),
  ],
  LABELS: [
    checks.LABELS, skips(...GOOD), skips(reported({}, { label_wanted: true })),
    passes(reported({}, { label_wanted: true }), call('/v1/outcomes/g/label', { em: 1 }, {})),
    fails('h: no label', reported({}, { label_wanted: true }), call('/v1/outcomes/g/label', { em: 1 }, {}), reported({ generation_id: 'h' }, { label_wanted: true })),
  ],
  STOPS: [
    checks.STOPS, passes(asked({}, STOP), reported(STOPPED)), fails(/no treated generation/, ...GOOD),
    fails(/asked again at 64/, asked({}, STOP), later(), reported(STOPPED)),
    fails(/does not say stopped/, asked({}, STOP), reported({ arm: 'treated' })),
    fails(/does not say stopped/, call('/v1/enrolments', { generations: [{ generation_id: 'g' }] }, {}), reported({ arm: 'treated' })),
  ],
  STOPS_ONLY_THEN: [
    checks.STOPS_ONLY_THEN, passes(...GOOD), passes(asked({}, STOP), reported(STOPPED)),
    fails('g: a control generation was stopped', asked(), reported({ stopped: true })),
    fails('g: stopped without being told', asked({}, { arm: 'treated' }), reported(STOPPED)),
  ],
  SENDS_STOPPED_PROBE: [
    checks.SENDS_STOPPED_PROBE, skips(...GOOD), passes(asked({}, STOP), reported(STOPPED)),
    fails('g: no stopped_probe', asked({}, STOP), reported({ ...STOPPED, stopped_probe: undefined })),
    fails(/no em, reward or answer/, asked({}, STOP), reported({ ...STOPPED, stopped_probe: { tokens: 32 } })),
    fails('g: stopped at 32 tokens, stopped_probe is of 64', asked({}, STOP), reported({ ...STOPPED, stopped_probe: { tokens: 64, em: 1 } })),
  ],
  GIVES_UP: [
    checks.GIVES_UP, skips(...GOOD), passes({ ...unanswered(asked()), waitedMs: 500 }),
    fails(/waited 4.0 s/, { ...unanswered(asked()), waitedMs: 4000 }),
  ],
  ASKS_AGAIN: [checks.ASKS_AGAIN, skips(...GOOD), skips(asked(), unanswered(asked())), passes(unanswered(asked()), asked())],
  CORRECTS: [
    checks.CORRECTS, skips(...GOOD), passes(refused(reported(), 400)), passes(refused(reported(), 400), reported({ em: 0 })),
    fails('g: sent again unchanged', refused(reported(), 400), reported()),
  ],
}

t.same(Object.keys(CASES).sort(), Object.keys(checks).sort(), 'every check is tested')
for (const [name, [check, ...cases]] of Object.entries(CASES)) {
  t.test(name, async (t) => { for (const { exchanges, expected } of cases) t.match(judge(check, exchanges), expected) })
}

t.test('batches are read like single steps', async (t) => {
  const single = generationsOf([asked(), later()])
  const batch = (one: Exchange) => call('/v1/decisions/batch', { steps: [one.body] }, { decisions: [one.reply!.body] })
  t.same(generationsOf([batch(asked()), batch(later())]), single)
  const [unread] = generationsOf([call('/v1/decisions/batch', { steps: [{ generation_id: 'g', tokens: 'x' }] }, { decisions: [{ error: {} }] })])
  t.equal(unread!.steps[0]!.told, null)
})

t.test('an outcome of a batch that was refused alone is refused', async (t) => {
  const batch = call('/v1/outcomes/batch', { outcomes: [OUTCOME, { ...OUTCOME, generation_id: 'h' }] }, { outcomes: [{ label_wanted: true }, null] })
  t.same(generationsOf([batch]).map(({ outcomes: [one] }) => [one!.fate, one!.isLabelWanted]), [['stored', true], ['refused', false]])
})

t.test('a decider need not enrol draws beyond label_rate', async (t) => {
  const exchanges = [reported()]
  const judged = (labelRate: number) => checks.ASKS_FIRST.judge({ exchanges, generations: generationsOf(exchanges, { salt: 'salt', labelRate }) })
  t.same(judged(0), { problems: [] })
  t.match(judged(1), { problems: [/neither asked about nor enrolled/] })
})
