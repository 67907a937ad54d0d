import fc from 'fast-check'
import type { Step } from '../../../src/core/decide/step.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { CONFIDENCE, type Policy } from '../../../src/core/policy/policy.js'
import { PREDICTOR, snapshotOf, type LinkFields } from './snapshot-of.js'

const LEVELS = ['model', 'task']
const NAMES = ['q', 'r', 'a,b', '-']

/** Something in every state that a context may be in. */
const stands: fc.Arbitrary<LinkFields> = fc.record({
  index: fc.constantFrom(-1, 0, 10, 29),
  learnedControlShare: fc.constantFrom(0.02, 0.5, 1),
  pin: fc.constantFrom(undefined, undefined, undefined, null, 0.9, 0),
  pinScorer: fc.constantFrom(null, PREDICTOR.name),
  policy: fc.record({
    store_prompts: fc.boolean(),
    mode: fc.constantFrom<Policy['mode']>('enforce', 'enforce', 'shadow', 'off'),
    score: fc.constantFrom(CONFIDENCE, CONFIDENCE, PREDICTOR.name),
    certify_at: fc.constantFrom<Policy['certify_at']>(null, 'model', '*'),
    min_tokens: fc.constantFrom(0, 100),
    check_every_tokens: fc.constantFrom(32, 7),
    check_growth: fc.constantFrom(0, 0.1),
    control_rate: fc.constantFrom<Policy['control_rate']>('auto', 0.3),
    label_rate: fc.constantFrom(1, 0.5),
  }),
}).map(({ pin, ...rest }) => ({ ...rest, ...(pin !== undefined && { pin }) }))

const key = fc.constantFrom('*', 'model=q', 'model=r', 'model=q,task=q', 'model=q,task=-', 'model=-,task=-', 'model=a%2Cb,task=%2D', 'model=r,task=q')
const known = fc.dictionary(key, stands, { minKeys: 4, maxKeys: 8, noNullPrototype: true }) // few, and hardly a step would be stopped

export const snapshots = fc.tuple(known, fc.constantFrom('salt', 'salt', null))
  .map(([contexts, salt]) => snapshotOf(contexts, LEVELS, salt))

const name = fc.constantFrom(...NAMES)

export const contexts = fc.record({ model: name, task: name }, { requiredKeys: [], noNullPrototype: true })

const score = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, -0, 1, 1 + 1e-7, -1e-7, GRID[10]!, GRID[29]!))

const number = fc.double({ noNaN: true, noDefaultInfinity: true })
const text = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' })

/** A step with any of the optional fields, each a good value or sometimes what `bad` draws. */
export function stepWith (bad: fc.Arbitrary<unknown> | null): fc.Arbitrary<Step> {
  const field = (good: fc.Arbitrary<unknown>) =>
    bad === null ? good : fc.oneof({ weight: 15, arbitrary: good }, { weight: 1, arbitrary: bad })
  return fc.record({
    context: field(contexts),
    tokens: field(fc.nat(300)),
    confidence: field(fc.option(score)),
    generation_id: field(text),
    group_id: field(text),
    prompt_hash: field(text),
    arm: field(fc.constantFrom('control', 'treated')),
    due_tokens: field(fc.nat(300)),
    retry_of: field(fc.constant('g')),
    signals: fc.dictionary(fc.constantFrom('entropy', 'x'), field(number), { noNullPrototype: true }),
    probed_score: field(fc.option(score)),
  }, { requiredKeys: ['tokens', 'confidence'], noNullPrototype: true }) as fc.Arbitrary<Step>
}

/** Values that no field takes. */
export const badValues = fc.constantFrom<unknown>(-5, 'x'.repeat(200), '\ud800', {}, { colour: 'red' }, [], true, 2e9)
