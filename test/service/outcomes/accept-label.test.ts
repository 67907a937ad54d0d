import t from 'tap'
import { ANYBODY } from '../../../src/service/access/context-access.js'
import { acceptLabel, gradesOfRewards } from '../../../src/service/outcomes/accept-label.js'
import { losslessOutcome } from '../../certify.js'
import { build } from '../../helper.js'

const reporter = { ...ANYBODY, tokenOutcomes: null }

t.test('the log holds digests instead of answers, and the first label counts', async (t) => {
  const services = await build(t)
  await services.learner.close() // so that the log keeps its entries
  await services.send('POST', '/v1/outcomes', { ...losslessOutcome('g'), em: undefined, answer: 'forty-two' })
  const first = await acceptLabel(services, 'g', { reference: ['forty-two', 'six times seven'] }, reporter)
  t.same(first, { accepted: 1, duplicates: 0 })
  t.same(await acceptLabel(services, 'g', { em: 0 }, reporter), { accepted: 0, duplicates: 1 })
  const entries = await services.store.read('0-0', 10, 0)
  t.match(entries.map(({ entry }) => entry.type), ['outcome', 'label'])
  t.notMatch(JSON.stringify(entries), /forty-two|times/)
})

t.test('labels are refused until the store has been reached', async (t) => {
  const services = await build(t)
  const snapshotHolder = { snapshot: () => ({ ...services.snapshotHolder.snapshot(), salt: null }) }
  await t.rejects(acceptLabel({ ...services, snapshotHolder }, 'g', { em: 1 }, reporter), { name: 'StoreUnavailableError' })
})

t.test('the mean difference of the grades of two answers is that of their rewards', async (t) => {
  let [ems, differences, probes] = [0, 0, 0]
  const n = 20_000
  for (let i = 0; i < n; i++) {
    const { em, steps, differences: eighths, stopped_probe_em: probe } = gradesOfRewards(`g${i}`, { reward: 0.7, step_rewards: [0.65, null], stopped_probe_reward: 0.2 })
    ems += em! - steps![0]!
    differences += eighths![0]! / 8
    probes += em! - probe!
    if (em! < steps![0]! || steps![1] !== null || eighths![1] !== null) t.fail('the answer of the higher reward is never worse, and an unknown reward stays unknown')
  }
  const error = (spread: number) => 5 * spread / Math.sqrt(n)
  t.ok(Math.abs(ems / n - 0.05) < error(0.22))
  t.ok(Math.abs(differences / n - 0.05) < error(0.0625))
  t.ok(Math.abs(probes / n - 0.5) < error(0.5))
  t.strictSame(gradesOfRewards('g', { reward: 1, step_rewards: [0, 1] }), { em: 1, steps: [0, 1], differences: [8, 0] })
  t.strictSame(gradesOfRewards('g', { reward: 0, step_rewards: [1] }), { em: 0, steps: [1], differences: [-8] })
})

t.test('a label is of one kind', async (t) => {
  const services = await build(t)
  for (const label of [{}, { source: 'x' }, { em: 1, reward: 1 }, { verdicts: [], em: 0 }, { verdicts: [] }, { stopped_probe_verdict: 'tie' }, { em: 1, step_rewards: [1] }] as const) {
    await t.rejects(acceptLabel(services, 'g', label as never, reporter), { code: 'INVALID_LABEL' })
  }
})
