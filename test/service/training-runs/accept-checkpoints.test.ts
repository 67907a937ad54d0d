import t from 'tap'
import { ANYBODY } from '../../../src/service/access/context-access.js'
import { acceptCheckpoints, errorOf, replyOf, sortCheckpoints } from '../../../src/service/training-runs/accept-checkpoints.js'
import { build } from '../../helper.js'

const reporter = { ...ANYBODY, tokenOutcomes: null }
const checkpoint = { step: 1, suite: 's', em: 0.5, n: 10, tokens_mean: 1 }

t.test('a single checkpoint is stored, or refused with its problem', async (t) => {
  const services = await build(t)
  t.match(await acceptCheckpoints(services, 'run', checkpoint, reporter), { accepted: 1, duplicates: 0, rejected: [] })
  await t.rejects(acceptCheckpoints(services, 'run', { ...checkpoint, em: 2 }, reporter), { code: 'INVALID_INPUT', message: /em/ })
})

t.test('a batch stores its valid checkpoints and lists the others', async (t) => {
  const services = await build(t)
  t.match(await acceptCheckpoints(services, 'run', { checkpoints: [{ ...checkpoint, em: 2 }, checkpoint] }, reporter), {
    accepted: 1, rejected: [{ index: 0, path: '/em' }],
  })
  await t.rejects(acceptCheckpoints(services, 'run', [checkpoint], reporter), { code: 'INVALID_INPUT' })
})

t.test('a bound token may not report on the run of others', async (t) => {
  const services = await build(t)
  await acceptCheckpoints(services, 'run', checkpoint, reporter)
  const tenant = { tokenName: 'tenant', tokenPrefix: 'model=q', tokenOutcomes: null }
  await t.rejects(acceptCheckpoints(services, 'run', { ...checkpoint, context: { model: 'q' } }, tenant), { code: 'FORBIDDEN' })
})

const LEVELS = ['model', 'task']
const one = { step: 1, suite: 's', em: 0.5, n: 10, tokens_mean: 1 }
const anybody = { tokenName: 'a', tokenPrefix: null }
const bound = { tokenName: 'b', tokenPrefix: 'model=q' }
const fine = () => null

t.test('invalid checkpoints are refused by index, and the others accepted', async (t) => {
  const isNumber = (item: unknown) => typeof item === 'number' ? { path: '', message: 'is a number' } : null
  const { good, refused } = sortCheckpoints(LEVELS, anybody, [one, 1, { ...one, context: { x: 'y' } }, one], isNumber)
  t.same(good.map(({ index }) => index), [0, 3])
  t.match(refused, [{ index: 1, path: '', message: 'is a number' }, { index: 2, path: '/context/x' }])
  t.match(errorOf(refused[0]!), { statusCode: 400, code: 'INVALID_INPUT', message: 'body is a number' })
})

t.test('a caller bound to a prefix must name a context within it', async (t) => {
  const contexts = [{ model: 'q' }, { model: 'q', task: 't' }, { model: 'other' }, undefined]
  const { good, refused } = sortCheckpoints(LEVELS, bound, contexts.map((context) => ({ ...one, ...(context && { context }) })), fine)
  t.same(good.map(({ index }) => index), [0, 1])
  t.match(refused, [{ index: 2, path: '/context', isForbidden: true }, { index: 3, isForbidden: true }])
  t.match(errorOf(refused[0]!), { statusCode: 403, code: 'FORBIDDEN' })
})

t.test('a reply counts results and refers to checkpoints by index', async (t) => {
  const sorted = sortCheckpoints(LEVELS, anybody, [one, { ...one, context: {} }, one, one, one], fine)
  const reported = ['accepted', 'attempt', { path: '/suite', message: 'full' }, 'duplicate'] as const
  const served = [{ key: 'model=q', step: 1, at: 5, continues: false }, { key: 'model=r', step: 1, at: 5, continues: true }]
  const reply = replyOf(sorted, { reported, served })
  t.equal(reply.epochs.length, 1, 'a checkpoint that continues opens none')
  t.match(reply, {
    accepted: 2, attempts: 1, duplicates: 1, rejected: [{ index: 1, path: '/context' }, { index: 3, path: '/suite' }], epochs: [{ context: 'model=q', step: 1 }],
  })
})
