import t from 'tap'
import { ANYBODY } from '../../src/access/context-access.js'
import { scopedId } from '../../src/access/scoped-id.js'
import { packNumbers } from '../../src/core/enrolment/packed-numbers.js'
import type { StoredCohort } from '../../src/core/enrolment/stored-cohort.js'
import type { PolicyPatch } from '../../src/core/policy/policy.js'
import { readWantedLabels } from '../../src/operations/read-wanted-labels.js'
import type { Store } from '../../src/store/store.js'
import { KEY } from '../certify.js'
import { build, type Built } from '../helper.js'

const TENANT = { tokenName: 'tenant', tokenPrefix: 'model=q' }

/** The store with a cohort in which these outcomes await a label, in that order. @param left places of those that still do */
function withCohort (
  { store }: Built, key: string, ids: readonly string[], policies: ReadonlyMap<string, PolicyPatch> = new Map(), left = [...ids.keys()]
): Store {
  const placed = left.map((place) => ({ u: 0.1 + place / 100, place }))
  const all = [{ u: 0.2, place: 0 }, ...placed]
  const members = { runs: all.map(({ place: at }) => [1, at, 0, 1]), units: packNumbers(all.map(({ u }) => u)) }
  const cohort = { members, reports: placed.map(({ u, place }) => ({ u, waiting: [ids[place]!] })) } as unknown as StoredCohort
  return {
    readCohorts: async (keys: readonly string[]) => new Map(keys.includes(key) ? [[key, cohort]] : []),
    readContexts: (keys: readonly string[]) => store.readContexts(keys),
    policies: async () => policies,
    pins: () => store.pins(),
    predictors: () => store.predictors(),
  } as unknown as Store
}

t.test('pages follow each other, also where labels came in between', async (t) => {
  const built = await build(t)
  const { config } = built
  const first = await readWantedLabels(withCohort(built, KEY, ['a', 'b', 'c', 'd']), config, KEY, { limit: 2 }, ANYBODY)
  t.match(first, { generation_ids: ['a', 'b'], next: /^[\w-]+$/ })
  for (const later of [[0, 1, 2, 3], [0, 2, 3], [2, 3]]) {
    const store = withCohort(built, KEY, ['a', 'b', 'c', 'd'], undefined, later)
    t.strictSame(await readWantedLabels(store, config, KEY, { limit: 2, after: first.next! }, ANYBODY), { generation_ids: ['c', 'd'], next: null })
  }
})

t.test('a caller sees the generations of its own scope, under the ids that it sent', async (t) => {
  const built = await build(t)
  const store = withCohort(built, KEY, [scopedId(TENANT, 'mine'), scopedId({ ...TENANT, tokenPrefix: 'model=r' }, 'other'), 'open'])
  t.strictSame((await readWantedLabels(store, built.config, KEY, { limit: 9 }, TENANT)).generation_ids, ['mine'])
  t.strictSame((await readWantedLabels(store, built.config, KEY, { limit: 9 }, ANYBODY)).generation_ids, ['open'])
})

t.test('a member of a pool is answered with the list of the pool', async (t) => {
  const built = await build(t)
  const store = withCohort(built, 'model=q', ['a'], new Map([['*', { certify_at: 'model' }]]))
  t.strictSame((await readWantedLabels(store, built.config, KEY, { limit: 9 }, ANYBODY)).generation_ids, ['a'])
})

t.test('an unknown context and a damaged cursor are refused', async (t) => {
  const { store, config } = await build(t)
  await t.rejects(readWantedLabels(store, config, KEY, { limit: 9 }, ANYBODY), { code: 'CONTEXT_NOT_FOUND' })
  await t.rejects(readWantedLabels(store, config, KEY, { limit: 9, after: 'x' }, ANYBODY), { code: 'INVALID_INPUT' })
  await t.rejects(readWantedLabels(store, config, 'task=a', { limit: 9 }, ANYBODY), { code: 'INVALID_CONTEXT_KEY' })
})
