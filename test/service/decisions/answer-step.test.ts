import t from 'tap'
import { FIRST_SHARE, secondHash, uniform } from '../../../src/core/decide/arm.js'
import { decide, decideStep } from '../../../src/core/decide/decide.js'
import type { Step } from '../../../src/core/decide/step.js'
import type { DrawnIn } from '../../../src/core/decide/enrol-draw.js'
import { ANYBODY, scopedId } from '../../../src/service/access/context-access.js'
import type { TakenDecision } from '../../../src/service/decision-log/log-buffer.js'
import { answerBatch, answerStep, enrolStep, logStep } from '../../../src/service/decisions/answer-step.js'
import { CONTEXT } from '../../certify.js'
import { type LinkFields, snapshotOf } from '../../core/decide/snapshot-of.js'
import { build } from '../../helper.js'

t.test('an invalid step gets an error in its place and is not counted', async (t) => {
  const services = await build(t)
  const good = { tokens: 1, confidence: 0.5, context: CONTEXT }
  const { snapshot_version: version, decisions } = answerBatch(services, [good, 7, { ...good, context: { colour: 'red' } }, good], ANYBODY)
  t.equal(version, services.snapshotHolder.snapshot().version)
  t.match(decisions, [{ decision: 'continue' }, { error: { path: '' } }, { error: { path: '/context/colour' } }, { decision: 'continue' }])
  t.match(await services.metrics.render(), 'stopgate_decisions_total{decision="continue",reason="no_threshold"} 2\n')
})

t.test('a failure of the service is thrown, not put into the reply', async (t) => {
  const services = await build(t)
  const snapshotHolder = { ...services.snapshotHolder, decideStep: () => { throw new Error('broken') } }
  t.throws(() => answerBatch({ ...services, snapshotHolder }, [{ tokens: 1, confidence: 0.5 }], ANYBODY), { message: 'broken' })
})

t.test('a control step is decided and counted', async (t) => {
  const services = await build(t)
  const step = { generation_id: 'g', arm: 'control', tokens: 32, confidence: 0.5, context: CONTEXT } as const
  t.match(answerStep(services, step, ANYBODY), { decision: 'continue', reason: 'no_threshold', arm: 'control' })
  t.match(await services.metrics.render(), 'stopgate_decisions_total{decision="continue",reason="no_threshold"} 1\n')
})

t.test('a context outside the prefix of the caller is refused and not counted', async (t) => {
  const services = await build(t)
  const tenant = { tokenName: 'tenant', tokenPrefix: 'model=r' }
  t.throws(() => answerStep(services, { tokens: 1, confidence: 1, context: CONTEXT }, tenant), { code: 'FORBIDDEN' })
  t.match(await services.metrics.render(), 'stopgate_decisions_total{decision="continue",reason="no_threshold"} 0\n')
})

t.test('a step without an id or a context gets a warning', async (t) => {
  const services = await build(t, { DEFAULT_POLICY: '{}' })
  const warnings = (step: object) => answerStep(services, { tokens: 32, confidence: 0.5, ...step }, ANYBODY).warnings
  t.strictSame(warnings({}), ['id_missing', 'context_missing'])
  t.strictSame(warnings({ context: CONTEXT }), ['id_missing'])
  t.strictSame(warnings({ arm: 'treated' }), ['context_missing'], 'it has its arm already')
  t.strictSame(warnings({ generation_id: 'late', tokens: 1000 }), ['context_missing', 'first_step_late'])
  for (const step of [{ generation_id: 'g' }, { group_id: 'p' }, { arm: 'treated' }]) t.strictSame(warnings({ context: CONTEXT, ...step }), [])
  const flat = await build(t, { CONTEXT_LEVELS: '' })
  t.strictSame(answerStep(flat, { generation_id: 'g', tokens: 32, confidence: 0.5 }, ANYBODY).warnings, [], 'there are no levels to name')
})

const ENROLLED_CONTEXT = { model: 'q', task: 'x' }
const KEY = 'model=q,task=x'

interface Enrolled { readonly drawn: DrawnIn, readonly u: number, readonly hash: number }

function enrolling () {
  const enrolled: Enrolled[] = []
  return { enrolled, enrol: (drawn: DrawnIn, u: number, hash: number) => { enrolled.push({ drawn, u, hash }) } }
}

function enrol (changes: Partial<Step>, link: LinkFields = {}, salt: string | null = 'salt') {
  const enroller = enrolling()
  const snapshot = snapshotOf({ [KEY]: link }, ['model', 'task'], salt)
  const step: Step = { tokens: 1, confidence: 0.5, context: ENROLLED_CONTEXT, ...changes }
  const enrolment = enrolStep(enroller, snapshot, step, decideStep(snapshot, 'fresh', step))
  return { enrolment, enrolled: enroller.enrolled }
}

t.test('the first step of a generation enrols it in its context, at the share and in the epoch in force', async (t) => {
  const { enrolment, enrolled } = enrol({ generation_id: 'g' }, { epochName: '1-1', index: 3, learnedControlShare: 0.9 })
  t.equal(enrolment, 'enrolled')
  t.strictSame(enrolled, [{ drawn: { key: KEY, epoch: '1-1', share: 0.9 }, u: uniform('salt', 'g'), hash: secondHash('salt', 'g') }])
})

t.test('an unknown context is enrolled under its own key', async (t) => {
  const control = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].find((id) => uniform('salt', id) < FIRST_SHARE)!
  const { enrolled } = enrol({ generation_id: control, context: { model: 'new' } })
  t.match(enrolled, [{ drawn: { key: 'model=new,task=-', epoch: null, share: FIRST_SHARE } }])
})

t.test('a group is enrolled by its own id, and by its sample number 0 alone', async (t) => {
  const sampled = (sample?: number) => enrol({ generation_id: 'g', group_id: 'group', ...(sample !== undefined && { sample }) }).enrolled
  t.match(sampled(0), [{ u: uniform('salt', 'group') }])
  t.match(sampled(), [{ u: uniform('salt', 'group') }])
  t.strictSame(sampled(1), [])
})

t.test('a step that has its arm, has no id, or comes before the salt is known enrols nothing', async (t) => {
  for (const { enrolment, enrolled } of [enrol({ generation_id: 'g', arm: 'control' }), enrol({}), enrol({ generation_id: 'g' }, {}, null)]) {
    t.equal(enrolment, 'none')
    t.strictSame(enrolled, [])
  }
})

t.test('a step past the first check is late and enrols nothing', async (t) => {
  const at = (tokens: number) => enrol({ generation_id: 'g', tokens }, { policy: { check_every_tokens: 16, min_tokens: 40 }, learnedControlShare: 1 })
  t.match(at(48), { enrolment: 'enrolled', enrolled: [{}] })
  t.strictSame(at(49), { enrolment: 'late', enrolled: [] })
})

const snapshot = snapshotOf({ 'model=q,task=x': { index: 3 } })
const caller = { tokenName: 'tenant', tokenPrefix: 'model=q' }

function logged (step: Step): TakenDecision[] {
  const taken: TakenDecision[] = []
  const decisionLog = { isTreatedTaken: true, takes: (id: string) => id !== 'passed over', decided: (one: TakenDecision) => { taken.push(one) } }
  logStep({ decisionLog, stopLog: { isTaken: false, decided () {} } }, step, decide(snapshot, 'fresh', step), { isEnrolled: true, caller })
  return taken
}

t.test('a decision is logged under the id of its tenant, with the request and the answer', async (t) => {
  const step = { generation_id: 'g', arm: 'control', tokens: 40, confidence: 1.0000005, context: { model: 'q', task: 'x' } } as const
  t.strictSame(logged(step), [{
    id: scopedId(caller, 'g'),
    context: step.context,
    source: 'model=q,task=x',
    arm: 'control',
    tokens: 40,
    confidence: 1,
    score: 1,
    scorer: 'confidence',
    threshold: decide(snapshot, 'fresh', step).threshold,
    reason: 'control_arm',
    version: snapshot.version,
    isEnrolled: true,
  }])
})

t.test('a step without an id, or of a generation that is not taken, is not logged', async (t) => {
  t.strictSame(logged({ tokens: 40, confidence: 1 }), [])
  t.strictSame(logged({ generation_id: 'passed over', tokens: 40, confidence: 1 }), [])
})
