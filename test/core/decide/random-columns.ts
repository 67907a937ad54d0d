import fc from 'fast-check'
import type { Columns } from '../../../src/core/decide/decide-columns.js'
import { GRID } from '../../../src/core/certificate/thresholds.js'
import type { Policy } from '../../../src/core/policy/policy.js'
import { PREDICTOR, snapshotOf, type LinkFields } from './snapshot-of.js'

const LEVELS = ['model', 'task']
const NAMES = ['q', 'r', 'a,b', '-']

/** Something in every state that a context may be in. */
const stands: fc.Arbitrary<LinkFields> = fc.record({
  index: fc.constantFrom(-1, 0, 10, 29),
  scorer: fc.constantFrom(null, null, PREDICTOR.name),
  trials: fc.constantFrom([], [], [PREDICTOR.name]),
  learnedControlShare: fc.constantFrom(0.02, 0.5, 1),
  pin: fc.constantFrom(undefined, undefined, undefined, null, 0.9, 0),
  pinScorer: fc.constantFrom(null, PREDICTOR.name),
  policy: fc.record({
    store_prompts: fc.boolean(),
    mode: fc.constantFrom<Policy['mode']>('enforce', 'enforce', 'shadow', 'off'),
    certify_at: fc.constantFrom<Policy['certify_at']>(null, 'model', '*'),
    min_tokens: fc.constantFrom(0, 100),
    check_every_tokens: fc.constantFrom(32, 7),
    check_growth: fc.constantFrom(0, 0.1),
    control_rate: fc.constantFrom<Policy['control_rate']>('auto', 0.3),
    record_steps: fc.boolean(),
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

/** Columns of up to `maxRows` rows, with any of the optional ones, each cell a good one or sometimes what `bad` draws. */
export function columnsWith (bad: fc.Arbitrary<unknown> | null, maxRows = 12): fc.Arbitrary<Columns> {
  const cell = (good: fc.Arbitrary<unknown>) =>
    bad === null ? good : fc.oneof({ weight: 15, arbitrary: good }, { weight: 1, arbitrary: bad })
  const number = fc.double({ noNaN: true, noDefaultInfinity: true })
  return fc.tuple(fc.nat(maxRows), fc.integer({ min: 1, max: 3 })).chain(([rows, places]) => {
    const column = (good: fc.Arbitrary<unknown>) => fc.array(cell(good), { minLength: rows, maxLength: rows })
    const numbers = column(fc.option(number))
    const text = fc.option(fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }))
    return fc.record({
      contexts: fc.array(cell(contexts), { minLength: places, maxLength: places }),
      context: column(fc.nat(places - 1)),
      tokens: column(fc.nat(300)),
      confidence: column(fc.option(score)),
      generation_ids: column(text),
      group_ids: column(text),
      prompt_hashes: column(text),
      arms: column(fc.constantFrom('control', 'treated', null)),
      due_tokens: column(fc.option(fc.nat(300))),
      retry_of: column(fc.constantFrom(null, null, null, 'g')),
      signals: fc.dictionary(fc.constantFrom('entropy', 'x'), numbers, { noNullPrototype: true }),
      em: column(fc.constantFrom(0, 1, null)),
      answer: column(fc.option(fc.string({ maxLength: 5, unit: 'grapheme' }))),
      probed_score: column(fc.option(score)),
    }, { requiredKeys: ['contexts', 'context', 'tokens', 'confidence'], noNullPrototype: true })
  }) as fc.Arbitrary<Columns>
}

/** Cells that no column takes. */
export const badCells = fc.constantFrom<unknown>(-5, 'x'.repeat(200), '\ud800', {}, { colour: 'red' }, [], true, 2e9)
