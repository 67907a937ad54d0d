import t from 'tap'
import { secondHash, uniform } from '../../src/core/assignment/arm.js'
import { decideStep, type Step } from '../../src/core/decide/decide.js'
import type { DrawnIn } from '../../src/core/enrolment/draw-buffer.js'
import { enrolStep } from '../../src/decisions/enrol-step.js'
import { snapshotOf, type LinkFields } from '../core/decide/snapshot-of.js'

const CONTEXT = { model: 'q', task: 'x' }
const KEY = 'model=q,task=x'

interface Enrolled { readonly drawn: DrawnIn, readonly u: number, readonly hash: number }

function enrolling () {
  const enrolled: Enrolled[] = []
  return { enrolled, enrol: (drawn: DrawnIn, u: number, hash: number) => { enrolled.push({ drawn, u, hash }) } }
}

function enrol (changes: Partial<Step>, link: LinkFields = {}, salt: string | null = 'salt') {
  const enroller = enrolling()
  const snapshot = snapshotOf({ [KEY]: link }, ['model', 'task'], salt)
  const step: Step = { tokens: 1, confidence: 0.5, context: CONTEXT, ...changes }
  const enrolment = enrolStep(enroller, snapshot, step, decideStep(snapshot, 'fresh', step))
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
