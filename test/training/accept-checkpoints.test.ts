import t from 'tap'
import { ANYBODY } from '../../src/access/context-access.js'
import { acceptCheckpoints } from '../../src/training/accept-checkpoints.js'
import { build } from '../helper.js'

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
