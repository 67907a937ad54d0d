import t from 'tap'
import { packNumbers } from '../../../src/core/evidence/seen-units.js'
import type { StoredCohort } from '../../../src/core/evidence/stored-cohort.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { ANYBODY, scopedId } from '../../../src/service/access/context-access.js'
import { createWantedLabels, readWantedLabels } from '../../../src/service/admin/wanted-labels.js'
import { KEY } from '../../certify.js'
import { build, type Built } from '../../helper.js'

const TENANT = { tokenName: 'tenant', tokenPrefix: 'model=q' }

/** The services with a cohort in which these outcomes await a label, in that order. @param left places of those that still do */
function withCohort (
  { store, config, snapshotHolder }: Built, key: string, ids: readonly string[],
  policies: ReadonlyMap<string, PolicyPatch> = new Map(), left = [...ids.keys()], stops: StoredCohort['stops'] = []
): Parameters<typeof createWantedLabels>[0] {
  const placed = left.map((place) => ({ u: 0.1 + place / 100, place }))
  const all = [{ u: 0.2, place: 0 }, ...placed]
  const [us, hashes] = [all.map(({ u }) => u), all.map(() => 0.5)]
  const members = { runs: all.map(({ place: at }) => [1, at, 0, 1]), units: packNumbers(us), hashes: packNumbers(hashes) }
  const cohort = { members, reports: placed.map(({ u, place }) => ({ u, waiting: [ids[place]!] })), stops } as unknown as StoredCohort
  return {
    store: {
      answers: store.answers,
      readCohorts: async (keys) => new Map(keys.includes(key) ? [[key, cohort]] : []),
      readContexts: (keys) => store.readContexts(keys),
    },
    config,
    snapshotHolder: { loaded: () => ({ inputs: { ...snapshotHolder.loaded().inputs, policies } }) },
  }
}

t.test('pages follow each other, even if labels arrive in between', async (t) => {
  const built = await build(t)
  const first = await readWantedLabels(withCohort(built, KEY, ['a', 'b', 'c', 'd']), KEY, { limit: 2 }, ANYBODY)
  t.match(first, { generation_ids: ['a', 'b'], next: /^[\w-]+$/ })
  for (const later of [[0, 1, 2, 3], [0, 2, 3], [2, 3]]) {
    const services = withCohort(built, KEY, ['a', 'b', 'c', 'd'], undefined, later)
    t.match(await readWantedLabels(services, KEY, { limit: 2, after: first.next! }, ANYBODY), { generation_ids: ['c', 'd'], next: null, last: /^[\w-]+$/ })
  }
})

t.test('a caller sees the generations of its own scope, under the ids that it sent', async (t) => {
  const built = await build(t)
  const services = withCohort(built, KEY, [scopedId(TENANT, 'mine'), scopedId({ ...TENANT, tokenPrefix: 'model=r' }, 'other'), 'open'])
  t.strictSame((await readWantedLabels(services, KEY, { limit: 9 }, TENANT)).generation_ids, ['mine'])
  t.strictSame((await readWantedLabels(services, KEY, { limit: 9 }, ANYBODY)).generation_ids, ['open'])
})

t.test('stops whose answer differs from their probe are listed as long as they await a label', async (t) => {
  const built = await build(t)
  const stop = { at: 5, unchanged: 0 }
  const stops = [{ ...stop, generation_id: 'stop', difference: null }, { ...stop, generation_id: 'known', difference: 1 as const }]
  const services = withCohort(built, KEY, ['control'], undefined, undefined, stops)
  t.strictSame((await readWantedLabels(services, KEY, { limit: 9 }, ANYBODY)).generation_ids, ['control', 'stop'])
})

t.test('a member of a pool is answered with the list of the pool', async (t) => {
  const built = await build(t)
  const services = withCohort(built, 'model=q', ['a'], new Map([['*', { certify_at: 'model' }]]))
  t.strictSame((await readWantedLabels(services, KEY, { limit: 9 }, ANYBODY)).generation_ids, ['a'])
})

t.test('an unknown context and a damaged cursor are refused', async (t) => {
  const services = await build(t)
  await t.rejects(readWantedLabels(services, KEY, { limit: 9 }, ANYBODY), { code: 'CONTEXT_NOT_FOUND' })
  await t.rejects(readWantedLabels(services, KEY, { limit: 9, after: 'x' }, ANYBODY), { code: 'INVALID_INPUT' })
  await t.rejects(readWantedLabels(services, 'task=a', { limit: 9 }, ANYBODY), { code: 'INVALID_CONTEXT_KEY' })
})

t.test('an empty page waits for the first generation on it', async (t) => {
  const built = await build(t)
  let listed = withCohort(built, KEY, [])
  const { store } = listed
  const moving = { ...listed, store: { ...store, readCohorts: (keys: readonly string[]) => listed.store.readCohorts(keys) } }
  const wanted = createWantedLabels(moving, 1)
  const gone = new AbortController()
  const waiting = wanted.page(KEY, { limit: 9, wait_seconds: 30 }, ANYBODY, gone.signal)
  listed = withCohort(built, KEY, ['a'])
  t.strictSame((await waiting).generation_ids, ['a'])
})

t.test('a wait ends when the caller goes away, and when the service closes', async (t) => {
  const built = await build(t)
  const wanted = createWantedLabels(withCohort(built, KEY, []), 1)
  const gone = new AbortController()
  const left = wanted.page(KEY, { limit: 9, wait_seconds: 30 }, ANYBODY, gone.signal)
  gone.abort()
  t.strictSame((await left).generation_ids, [])
  const waiting = wanted.page(KEY, { limit: 9, wait_seconds: 30 }, ANYBODY, new AbortController().signal)
  wanted.close()
  t.strictSame((await waiting).generation_ids, [])
})
