import fc from 'fast-check'
import t from 'tap'
import { findPredictor, fingerprintOf, inCreationOrder, refTo } from '../../../src/core/scores/predictor-version.js'
import type { Predictor } from '../../../src/core/scores/predictor.js'
import { holds } from '../../property.js'
import { versionOf } from '../../store/fixtures.js'
import { PREDICTOR } from '../decide/snapshot-of.js'

t.test('the fingerprint covers exactly the fields that scores and exclusions depend on', async (t) => {
  const own = fingerprintOf(PREDICTOR)
  t.match(own, /^[0-9a-f]{16}$/)
  const { contexts, signals, trained } = PREDICTOR
  const others: Partial<Predictor>[] = [
    { label: 'agreement' }, { levels: 'task,model' }, { grid: PREDICTOR.grid.with(3, 0.92) }, { trained: { ...trained, groups: [0.5] } },
    { signals: [{ ...signals[0]!, mean: 0.51 }] }, { signals: [{ ...signals[0]!, scale: 0.26 }] }, { signals: [{ ...signals[0]!, name: 'e' }] },
    { contexts: { '*': contexts['*']! } }, { contexts: { ...contexts, '*': { ...contexts['*']!, log_median: 1 } } },
    { contexts: { ...contexts, '*': { ...contexts['*']!, length_power: 0.5 } } }, { contexts: { ...contexts, '*': { ...contexts['*']!, length_power: 1 } } },
    { contexts: { ...contexts, '*': { ...contexts['*']!, weights: [1, 1, 0.5, 0.1, -0.5] } } },
  ]
  const all = [own, ...others.map((change) => fingerprintOf({ ...PREDICTOR, ...change }))]
  t.equal(new Set(all).size, all.length)
  t.equal(fingerprintOf(JSON.parse(JSON.stringify(PREDICTOR))), own, 'storing it changes nothing')
  t.equal(fingerprintOf({ ...PREDICTOR, contexts: Object.fromEntries(Object.entries(contexts).reverse()) }), own, 'the order of contexts does not matter')
  t.equal(fingerprintOf({ ...PREDICTOR, trained: { ...trained, generations: 7 } }), own)
  t.equal(fingerprintOf({ ...PREDICTOR, contexts: { ...contexts, '*': { ...contexts['*']!, length_power: 0 } } }), own, 'a power of 0 is the default')
})

t.test('a predictor is found by name and fingerprint, or by name alone', async (t) => {
  const predictors = new Map([['p', PREDICTOR]])
  t.equal(findPredictor(predictors, refTo(PREDICTOR)), PREDICTOR)
  t.equal(findPredictor(predictors, { name: 'p' }), PREDICTOR)
  t.equal(findPredictor(predictors, { name: 'p', fingerprint: '0000000000000000' }), undefined)
  t.equal(findPredictor(predictors, { name: 'q' }), undefined)
})

t.test('versions are sorted by creation time, then by name', async (t) => {
  const versions = [versionOf('b', 5), versionOf('new', 6, 7), versionOf('a', 5), versionOf('z', 1)]
  t.same([...inCreationOrder(versions)].map(([name]) => name), ['z', 'a', 'b', 'new'])
  t.equal(inCreationOrder(versions).get('new'), versions[1])
  t.same(inCreationOrder([]), new Map())
})

t.test('the order of the input does not matter', async (t) => {
  const names = fc.uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 8 })
  const versions = names.chain((names) => fc.tuple(...names.map((name) => fc.nat(3).map((at) => versionOf(name, at)))))
  const shuffle = <T>(items: T[]) => fc.shuffledSubarray(items, { minLength: items.length })
  const shuffled = versions.chain((versions) => fc.tuple(fc.constant(versions), shuffle(versions)))
  holds(t, fc.property(shuffled, ([versions, others]) => {
    t.same([...inCreationOrder(others).keys()], [...inCreationOrder(versions).keys()])
  }), 100)
})
