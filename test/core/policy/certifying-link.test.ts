import t from 'tap'
import { certifyingDepth, certifyingKey, isCertifying } from '../../../src/core/policy/certifying-link.js'

const LEVELS = ['model', 'task']
const LEAF = 'model=q,task=x'

t.test('the leaf certifies for itself, or the level that certify_at names for everything below it', async (t) => {
  for (const [certifyAt, depth, key] of [[null, 2, LEAF], ['task', 2, LEAF], ['model', 1, 'model=q'], ['*', 0, '*']] as const) {
    t.equal(certifyingDepth(LEVELS, certifyAt), depth, String(certifyAt))
    t.equal(certifyingKey(LEVELS, certifyAt, LEAF), key, String(certifyAt))
  }
})

t.test('a level that is not configured names the leaf', async (t) => {
  t.equal(certifyingKey(LEVELS, 'cluster', LEAF), LEAF)
})

t.test('a chain has exactly one certifying link', async (t) => {
  for (const certifyAt of [null, 'task', 'model', '*', 'cluster']) {
    t.equal(['*', 'model=q', LEAF].filter((key) => isCertifying(LEVELS, certifyAt, key)).length, 1, String(certifyAt))
  }
})
