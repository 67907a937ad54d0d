import t from 'tap'
import { readiness } from '../../src/health/readiness.js'
import { build } from '../helper.js'

t.test('a replica with a model is ready and has no warnings', async (t) => {
  const services = await build(t)
  t.match(await readiness(services), { ready: true, store: { kind: 'embedded', up: true }, model: { stale: false }, warnings: [] })
})

t.test('a replica without a model is not ready', async (t) => {
  const services = await build(t)
  const service = { ...services.service, ageSeconds: () => null }
  t.match(await readiness({ ...services, service }), { ready: false, model: { age_seconds: null } })
})

t.test('each part that has a problem adds a warning', async (t) => {
  const services = await build(t)
  const failing = (problem: string) => ({ problem: () => problem })
  const { warnings } = await readiness({
    ...services,
    store: { kind: 'redis', isUp: () => false, warnings: async () => { throw new Error('gone') } },
    service: { ...services.service, ...failing('broken state') },
    learner: { isLeader: () => false, ...failing('broken learner') },
    access: failing('broken tokens'),
    tls: failing('broken certificate'),
  })
  t.match(warnings, [/^The store cannot be reached/, /broken learner/, /broken state/, /broken tokens/, /broken certificate/])
  t.equal(warnings.length, 5)
})

t.test('contexts whose workers report amiss are counted, and five of them are named', async (t) => {
  const services = await build(t)
  const model = services.service.model()
  const [root] = model.links.values()
  const keys = Array.from({ length: 7 }, (_, i) => `model=m${i}`)
  const links = new Map(keys.map((key, i) => [key, { ...root!, key, warnings: [i < 6 ? 'outcomes_missing' as const : 'outcomes_not_enrolled' as const] }]))
  const { ready, warnings } = await readiness({ ...services, service: { ...services.service, model: () => ({ ...model, links }) } })
  t.ok(ready)
  t.match(warnings, [
    /^6 contexts enrol generations, but none of their outcomes comes\. .*: model=m0, model=m1, model=m2, model=m3, model=m4$/,
    /^Most outcomes of 1 contexts are of generations that were not enrolled\. .*: model=m6$/,
  ])
})
