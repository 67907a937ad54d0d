import fc from 'fast-check'
import t from 'tap'
import {
  NAMES, NAMES_OF_LEAF, Reservoir, RESERVOIR_LIMIT, RESERVOIR_LIMIT_OF_LEAF, SignalNames,
} from '../../../src/core/scores/reservoir.js'
import type { Sample } from '../../../src/core/scores/sample.js'
import { holds } from '../../property.js'

const LEAVES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'] // Full leaves exceed the limit of the reservoir.
/** `tokens` identifies the sample. */
const sample = (leaf: string, tokens: number): Sample => ({ u: 0.5, leaf, label: 'exact_match', tokens, steps: [] })
const tokensOf = (samples: readonly Sample[]) => samples.map(({ tokens }) => tokens)

const isSame = (a: readonly number[], b: readonly number[]) => a.join() === b.join()

/** A reference implementation: a queue of numbers for each leaf; the oldest of all heads is dropped. */
class Model {
  added = 0
  readonly #queues = new Map<string, number[]>()

  add (leaf: string): void {
    const mine = this.#queues.get(leaf) ?? []
    this.#queues.set(leaf, mine)
    mine.push(this.added++)
    if (mine.length > RESERVOIR_LIMIT_OF_LEAF) mine.shift()
    const queues = [...this.#queues.values()].filter((queue) => queue.length > 0)
    const size = queues.reduce((sum, queue) => sum + queue.length, 0)
    if (size > RESERVOIR_LIMIT) queues.reduce((a, b) => a[0]! < b[0]! ? a : b).shift()
  }

  numbers (): number[] { return [...this.#queues.values()].flat().sort((a, b) => a - b) }

  copy (): Model {
    const copy = new Model()
    copy.added = this.added
    for (const [leaf, queue] of this.#queues) copy.#queues.set(leaf, [...queue])
    return copy
  }
}

const burst = fc.record({ leaf: fc.constantFrom(...LEAVES), count: fc.integer({ min: 1, max: 3000 }) })
const steps = fc.array(fc.oneof(
  { weight: 5, arbitrary: burst },
  { weight: 2, arbitrary: fc.constant('commit' as const) },
  { weight: 1, arbitrary: fc.constant('start over' as const) }
), { minLength: 10, maxLength: 25 })

t.test('the newest samples of each leaf and overall are kept, and a store that applies the changes has the same', async (t) => {
  let fullest = 0
  holds(t, fc.property(steps, (steps) => {
    const store = new Map<number, Sample>()
    let [reservoir, model, committed] = [new Reservoir(), new Model(), new Model()]
    for (const step of steps) {
      if (step === 'commit') {
        for (const [number, sample] of reservoir.takeChanges()) {
          if (sample === undefined) store.delete(number); else store.set(number, sample)
        }
        committed = model.copy()
        if (!isSame([...store.keys()].sort((a, b) => a - b), model.numbers()) || reservoir.takeChanges().size > 0) return false
      } else if (step === 'start over') { // The store may return samples in any order.
        reservoir = new Reservoir([...store].reverse())
        model = committed.copy()
        if (reservoir.takeChanges().size > 0) return false // Stored samples are no change.
      } else {
        for (let i = 0; i < step.count; i++) {
          reservoir.add(sample(step.leaf, model.added))
          model.add(step.leaf)
        }
      }
      const samples = reservoir.samples()
      if (reservoir.added !== model.added || !isSame(tokensOf(samples), model.numbers())) return false
      fullest = Math.max(fullest, samples.length)
    }
    return true
  }), 12)
  t.equal(fullest, RESERVOIR_LIMIT, 'some runs filled the reservoir')
})

t.test('a busy leaf leaves room for the others', async (t) => {
  const reservoir = new Reservoir()
  for (let i = 0; i < 10; i++) reservoir.add(sample('rare', i))
  for (let i = 10; i < 10_000; i++) reservoir.add(sample('busy', i))
  const kept = tokensOf(reservoir.samples())
  t.equal(kept.length, 10 + RESERVOIR_LIMIT_OF_LEAF)
  t.same(kept.slice(0, 11), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10_000 - RESERVOIR_LIMIT_OF_LEAF])
})

t.test('changes are those since the last call, including samples added and dropped in between', async (t) => {
  const reservoir = new Reservoir([[7, sample('a', 7)], [4, sample('b', 4)]])
  t.same([reservoir.added, tokensOf(reservoir.samples())], [8, [4, 7]])
  for (let i = 8; i < 8 + RESERVOIR_LIMIT_OF_LEAF; i++) reservoir.add(sample('a', i))
  t.same([...reservoir.takeChanges()].filter(([, sample]) => sample === undefined), [[7, undefined]])
  for (let i = 0; i < RESERVOIR_LIMIT_OF_LEAF + 1; i++) reservoir.add(sample('c', i))
  const changes = reservoir.takeChanges()
  t.equal(changes.size, RESERVOIR_LIMIT_OF_LEAF + 1)
  t.equal(changes.get(8 + RESERVOIR_LIMIT_OF_LEAF), undefined, 'dropped')
  t.same(reservoir.takeChanges(), new Map())
})

t.test('a new reservoir is empty', async (t) => {
  const reservoir = new Reservoir()
  t.same([reservoir.samples(), reservoir.added], [[], 0])
})

const none = () => false
/** Two steps that share the names `from` to `to - 1`. */
const stepsWithNames = (from: number, to: number) => {
  const signals = Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`s${from + i}`, i]))
  return [{ signals }, {}, { signals }]
}

t.test('a leaf has room for a limited number of names, and known names are always accepted', async (t) => {
  const names = new SignalNames()
  t.equal(names.refused('a', stepsWithNames(0, NAMES_OF_LEAF), none).size, 0)
  names.add('a', stepsWithNames(0, NAMES_OF_LEAF))
  t.same([...names.refused('a', stepsWithNames(NAMES_OF_LEAF - 1, NAMES_OF_LEAF + 2), none)], [`s${NAMES_OF_LEAF}`, `s${NAMES_OF_LEAF + 1}`])
  t.equal(names.refused('b', stepsWithNames(NAMES_OF_LEAF, NAMES_OF_LEAF + 2), none).size, 0, 'another leaf has room of its own')
  t.same(names.refused('a', null, none), new Set())
})

t.test('one outcome cannot take more names than there is room for', async (t) => {
  t.equal(new SignalNames().refused('a', stepsWithNames(0, 200), none).size, 200 - NAMES_OF_LEAF)
})

t.test('all leaves together have room for a limited number of names, and a name that several use counts once', async (t) => {
  const names = new SignalNames()
  for (let at = 0; at < NAMES; at += NAMES_OF_LEAF) names.add(`leaf-${at}`, stepsWithNames(at, at + NAMES_OF_LEAF))
  t.equal(names.refused('new', stepsWithNames(0, NAMES_OF_LEAF), none).size, 0)
  t.equal(names.refused('new', stepsWithNames(NAMES, NAMES + 1), none).size, 1)
})

t.test('there is always room for a name that a live predictor uses', async (t) => {
  const names = new SignalNames()
  names.add('a', stepsWithNames(0, NAMES_OF_LEAF))
  t.same([...names.refused('a', stepsWithNames(100, 102), (name) => name === 's100')], ['s101'])
})

t.test('a name is free again once nothing that is kept has it', async (t) => {
  const names = new SignalNames()
  names.add('a', stepsWithNames(0, NAMES_OF_LEAF))
  names.add('a', stepsWithNames(0, 1))
  names.remove('a', stepsWithNames(0, NAMES_OF_LEAF))
  t.equal(names.refused('a', stepsWithNames(1, NAMES_OF_LEAF), none).size, 0)
  t.equal(names.refused('a', stepsWithNames(1, NAMES_OF_LEAF + 1), none).size, 1, 's0 is still kept')
  names.remove('a', stepsWithNames(0, 1))
  t.equal(names.refused('a', stepsWithNames(1, NAMES_OF_LEAF + 1), none).size, 0)
})

const upTo = (max: number) => fc.integer({ min: 0, max })
const item = fc.record({ leaf: upTo(40), from: upTo(3000), count: upTo(90) })
const move = fc.oneof({ weight: 4, arbitrary: item }, { weight: 1, arbitrary: fc.constant('drop' as const) })
const moves = fc.array(move, { minLength: 50, maxLength: 150 })

t.test('whatever comes and goes, neither one leaf nor all leaves together exceed their limit of names', async (t) => {
  let most = 0
  holds(t, fc.property(moves, (moves) => {
    const names = new SignalNames()
    const kept: Array<{ leaf: string, steps: ReturnType<typeof stepsWithNames> }> = []
    for (const move of moves) {
      if (move === 'drop') {
        const gone = kept.shift()
        if (gone !== undefined) names.remove(gone.leaf, gone.steps)
        continue
      }
      const leaf = String(move.leaf)
      const refused = names.refused(leaf, stepsWithNames(move.from, move.from + move.count), none)
      const taken = stepsWithNames(move.from, move.from + move.count).map(({ signals = {} }) =>
        ({ signals: Object.fromEntries(Object.entries(signals).filter(([name]) => !refused.has(name))) }))
      names.add(leaf, taken)
      kept.push({ leaf, steps: taken })
    }
    const namesOf = ({ steps }: typeof kept[number]) => steps.flatMap(({ signals = {} }) => Object.keys(signals))
    const distinct = (items: typeof kept) => new Set(items.flatMap(namesOf)).size
    most = Math.max(most, distinct(kept))
    return distinct(kept) <= NAMES && kept.every(({ leaf }) => distinct(kept.filter((other) => other.leaf === leaf)) <= NAMES_OF_LEAF)
  }), 50)
  t.ok(most > NAMES / 2, `some runs came near the limit: ${most}`)
})
