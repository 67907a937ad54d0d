import t from 'tap'
import { bundleOf } from '../../../src/core/decide/bundle.js'
import { BundlePoll } from '../../../src/proxy/service-link/bundle-poll.js'
import { build, until } from '../../helper.js'

const options = { prefix: '*', maxStalenessSeconds: 60, onProblem: () => {}, onLabels: () => {} }

t.test('the circuit is open until a bundle has arrived, and when the last reply is too old', async (t) => {
  const { snapshotHolder } = await build(t)
  const requests: Array<[string, object | undefined]> = []
  const get = async (path: string, _ms: number, headers?: Record<string, string>) => {
    requests.push([path, headers])
    return requests.length === 1 ? { status: 200, etag: 'e', body: bundleOf(snapshotHolder.snapshot()) } : { status: 304, etag: '', body: null }
  }
  const poll = new BundlePoll({ get }, options)
  t.equal(poll.snapshot(), null)
  await poll.renew()
  t.equal(poll.snapshot()!.salt, snapshotHolder.snapshot().salt)
  await poll.renew()
  t.same(requests, [['/v1/bundle?prefix=*', {}], ['/v1/bundle?prefix=*&wait=30', { 'if-none-match': 'e' }]])
  const stale = new BundlePoll({ get: async () => ({ status: 200, etag: '', body: bundleOf(snapshotHolder.snapshot()) }) }, { ...options, maxStalenessSeconds: -1 })
  await stale.renew()
  t.equal(stale.snapshot(), null)
})

t.test('a bundle of another format opens it, and failures are tried again', async (t) => {
  const poll = new BundlePoll({ get: async () => ({ status: 200, etag: '', body: { format: 99 } }) }, options)
  await t.rejects(poll.renew(), /format 99/)
  let calls = 0
  const failing = new BundlePoll({ get: async () => { calls++; throw new Error('away') } }, options)
  const running = failing.run()
  await until('it has tried twice', () => calls > 1)
  t.equal(failing.problem, 'away')
  failing.close()
  await running
})

t.test('the certified labels are reported, and their changes', async (t) => {
  const { snapshotHolder, send } = await build(t)
  const reported: unknown[] = []
  const get = async () => ({ status: 200, etag: 'e', body: bundleOf(snapshotHolder.snapshot()) })
  const poll = new BundlePoll({ get }, { ...options, onLabels: (certifies) => { reported.push(certifies) } })
  await poll.renew()
  await poll.renew()
  t.same(reported, [['exact_match']])
  await send('PUT', '/v1/contexts/model=m/policy', { label: 'agreement' })
  await until('the policy is in force', async () => { await poll.renew(); return reported.length > 1 })
  t.same(reported, [['exact_match'], ['agreement', 'exact_match']])
  t.equal(poll.certifies, reported[1])
})
