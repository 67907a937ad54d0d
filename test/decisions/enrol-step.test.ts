import t from 'tap'
import { secondHash, uniform } from '../../src/core/assignment/arm.js'
import { ruleFor } from '../../src/core/decide/snapshot.js'
import type { DrawnIn } from '../../src/core/enrolment/draw-buffer.js'
import { enrolDraw, enrolStep, type EnrolledStep } from '../../src/decisions/enrol-step.js'
import { snapshotOf, type LinkFields } from '../core/decide/snapshot-of.js'

const CONTEXT = { model: 'q', task: 'x' }
const KEY = 'model=q,task=x'
const IDS = Array.from({ length: 400 }, (_, i) => `g${i}`)

interface Enrolled { readonly drawn: DrawnIn, readonly u: number, readonly hash: number }

function enrolling () {
  const enrolled: Enrolled[] = []
  return { enrolled, enrol: (drawn: DrawnIn, u: number, hash: number) => { enrolled.push({ drawn, u, hash }) } }
}

function enrol (step: Partial<EnrolledStep>, link: LinkFields = {}, salt: string | null = 'salt') {
  const enroller = enrolling()
  const enrolment = enrolStep(enroller, snapshotOf({ [KEY]: link }, ['model', 'task'], salt), { tokens: 1, context: CONTEXT, ...step })
  return { enrolment, enrolled: enroller.enrolled }
}

t.test('the first step of a generation enrols it in its context, at the share and in the epoch in force', async (t) => {
  const { enrolment, enrolled } = enrol({ generation_id: 'g' }, { epochName: '1-1', index: 3, learnedControlShare: 0.9 })
  t.equal(enrolment, 'enrolled')
  t.strictSame(enrolled, [{ drawn: { key: KEY, epoch: '1-1', share: 0.9 }, u: uniform('salt', 'g'), hash: secondHash('salt', 'g') }])
})

t.test('an unknown context is enrolled under its own key', async (t) => {
  const { enrolled } = enrol({ generation_id: 'g', context: { model: 'new' } })
  t.match(enrolled, [{ drawn: { key: 'model=new,task=-', epoch: null, share: 1 } }])
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
  const at = (tokens: number) => enrol({ generation_id: 'g', tokens }, { policy: { check_every_tokens: 16, min_tokens: 40 } })
  t.match(at(48), { enrolment: 'enrolled', enrolled: [{}] })
  t.strictSame(at(49), { enrolment: 'late', enrolled: [] })
})

t.test('outcomes that count on arrival need no enrolment, so no step is late', async (t) => {
  t.strictSame(enrol({ generation_id: 'g', tokens: 10_000 }, { policy: { follow_up_seconds: 0 } }), { enrolment: 'none', enrolled: [] })
})

t.test('as many treated draws are enrolled as control ones, thinned by label_rate', async (t) => {
  const enroller = enrolling()
  const snapshot = snapshotOf({ [KEY]: { index: 3, learnedControlShare: 0.2, policy: { label_rate: 0.5 } } })
  const rule = ruleFor(snapshot, CONTEXT)
  for (const id of IDS) enrolDraw(enroller, snapshot, rule, { id, tokens: 1, context: CONTEXT })
  const expected = IDS.filter((id) => uniform('salt', id) < 0.4 && secondHash('salt', id) < 0.5)
  t.ok(expected.length > 40)
  t.strictSame(enroller.enrolled.map(({ u }) => u), expected.map((id) => uniform('salt', id)))
})
