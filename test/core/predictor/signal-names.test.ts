import fc from 'fast-check'
import t from 'tap'
import { NAMES, NAMES_OF_LEAF, SignalNames } from '../../../src/core/predictor/signal-names.js'
import { holds } from '../../property.js'

const none = () => false
/** Two steps that share the names `from` to `to - 1`. */
const steps = (from: number, to: number) => {
  const signals = Object.fromEntries(Array.from({ length: to - from }, (_, i) => [`s${from + i}`, i]))
  return [{ signals }, {}, { signals }]
}

t.test('a leaf has room for a limited number of names, and known names are always accepted', async (t) => {
  const names = new SignalNames()
  t.equal(names.refused('a', steps(0, NAMES_OF_LEAF), none).size, 0)
  names.add('a', steps(0, NAMES_OF_LEAF))
  t.same([...names.refused('a', steps(NAMES_OF_LEAF - 1, NAMES_OF_LEAF + 2), none)], [`s${NAMES_OF_LEAF}`, `s${NAMES_OF_LEAF + 1}`])
  t.equal(names.refused('b', steps(NAMES_OF_LEAF, NAMES_OF_LEAF + 2), none).size, 0, 'another leaf has room of its own')
  t.same(names.refused('a', null, none), new Set())
})

t.test('one outcome cannot take more names than there is room for', async (t) => {
  t.equal(new SignalNames().refused('a', steps(0, 200), none).size, 200 - NAMES_OF_LEAF)
})

t.test('all leaves together have room for a limited number of names, and a name that several use counts once', async (t) => {
  const names = new SignalNames()
  for (let at = 0; at < NAMES; at += NAMES_OF_LEAF) names.add(`leaf-${at}`, steps(at, at + NAMES_OF_LEAF))
  t.equal(names.refused('new', steps(0, NAMES_OF_LEAF), none).size, 0)
  t.equal(names.refused('new', steps(NAMES, NAMES + 1), none).size, 1)
})

t.test('there is always room for a name that a live predictor uses', async (t) => {
  const names = new SignalNames()
  names.add('a', steps(0, NAMES_OF_LEAF))
  t.same([...names.refused('a', steps(100, 102), (name) => name === 's100')], ['s101'])
})

t.test('a name is free again once nothing that is kept has it', async (t) => {
  const names = new SignalNames()
  names.add('a', steps(0, NAMES_OF_LEAF))
  names.add('a', steps(0, 1))
  names.remove('a', steps(0, NAMES_OF_LEAF))
  t.equal(names.refused('a', steps(1, NAMES_OF_LEAF), none).size, 0)
  t.equal(names.refused('a', steps(1, NAMES_OF_LEAF + 1), none).size, 1, 's0 is still kept')
  names.remove('a', steps(0, 1))
  t.equal(names.refused('a', steps(1, NAMES_OF_LEAF + 1), none).size, 0)
})

const upTo = (max: number) => fc.integer({ min: 0, max })
const item = fc.record({ leaf: upTo(40), from: upTo(3000), count: upTo(90) })
const move = fc.oneof({ weight: 4, arbitrary: item }, { weight: 1, arbitrary: fc.constant('drop' as const) })
const moves = fc.array(move, { minLength: 50, maxLength: 150 })

t.test('whatever comes and goes, neither one leaf nor all leaves together exceed their limit of names', async (t) => {
  let most = 0
  holds(t, fc.property(moves, (moves) => {
    const names = new SignalNames()
    const kept: Array<{ leaf: string, steps: ReturnType<typeof steps> }> = []
    for (const move of moves) {
      if (move === 'drop') {
        const gone = kept.shift()
        if (gone !== undefined) names.remove(gone.leaf, gone.steps)
        continue
      }
      const leaf = String(move.leaf)
      const refused = names.refused(leaf, steps(move.from, move.from + move.count), none)
      const taken = steps(move.from, move.from + move.count).map(({ signals = {} }) =>
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
