import t from 'tap'
import { createCommander } from '../../../src/service/learner/commander.js'
import { ConflictError } from '../../../src/store/store-errors.js'
import type { Store } from '../../../src/store/store.js'
import { build } from '../../helper.js'

const pin = (threshold: number) => ({ type: 'pin', key: '*', pin: { threshold, reason: 'r', by: 'ops', expires_at: null }, by: 'ops', reason: 'r' }) as const

t.test('a command is planned again if another command intervened', async (t) => {
  const { store, snapshotHolder } = await build(t)
  const command = createCommander(store, snapshotHolder)
  let looks = 0
  await command(async () => {
    if (looks++ === 0) await store.append([pin(0.1)])
    return [pin((await store.pins()).get('*')!.threshold! + 0.5)]
  })
  t.equal(looks, 2)
  t.equal((await store.pins()).get('*')!.threshold, 0.6)
  t.equal(snapshotHolder.snapshot().version, (await store.revision()).version, 'in force here')
})

t.test('commands of one replica take turns, and a failure does not block the next', async (t) => {
  const { store, snapshotHolder } = await build(t)
  const command = createCommander(store, snapshotHolder)
  const calls = Array.from({ length: 30 }, (_, i) => command(async () => {
    if (i === 7) throw new Error('refused')
    return [pin(((await store.pins()).get('*')?.threshold ?? 0) + 1 / 32)]
  }))
  t.equal((await Promise.allSettled(calls)).filter(({ status }) => status === 'rejected').length, 1)
  t.equal((await store.pins()).get('*')!.threshold, 29 / 32, 'each saw the last one')
})

t.test('a command gives up after repeated conflicts, and stores nothing where there is nothing to do', async (t) => {
  const { store, snapshotHolder } = await build(t)
  const append = async () => { throw new ConflictError('moved') }
  const command = createCommander({ ...store, revision: () => store.revision(), append } as unknown as Store, snapshotHolder)
  await t.rejects(command(async () => [pin(1)]), { code: 'CONFLICT', statusCode: 409, message: /each of 5 attempts/ })
  await command(async () => [])
  t.equal((await store.revision()).lag, 0)
})
