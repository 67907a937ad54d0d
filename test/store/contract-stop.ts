import { until } from '../helper.js'
import type { Store } from '../../src/store/store.js'
import type { Law } from './contract.js'

const bytesOf = (...bytes: number[]) => Uint8Array.from(bytes)
const chunks = async (store: Store, before: string | null = null, limit = 10) =>
  (await store.stops.read(before, limit)).map(({ rows }) => [...rows])

/** The laws of StopStore. */
export function stopContract (law: Law): void {
  law('stops are read newest first, by any replica, a page at a time', async (t, { store, other, crash }) => {
    t.same(await chunks(store), [])
    await store.stops.append(bytesOf(1, 0, 255))
    await other.stops.append(bytesOf(2))
    await store.stops.append(bytesOf(3))
    t.same(await chunks(other), [[3], [2], [1, 0, 255]])
    const [newest, next] = await store.stops.read(null, 2)
    t.same(await chunks(store, newest!.id), [[2], [1, 0, 255]])
    t.same(await chunks(store, next!.id), [[1, 0, 255]])
    t.same(await chunks(await crash()), [[3], [2], [1, 0, 255]])
  })

  law('the oldest stops go first when there are too many bytes', async (t, { store }) => {
    for (let i = 1; i <= 5; i++) await store.stops.append(new Uint8Array(40).fill(i))
    t.same((await chunks(store)).map(([first]) => first), [5, 4])
    await store.stops.append(new Uint8Array(200).fill(6))
    t.same(await chunks(store), [], 'a chunk that is too large is not kept, nor are others')
    await store.stops.append(new Uint8Array(40).fill(7))
    t.same((await chunks(store)).map(([first]) => first), [7])
  }, { stops: { bytes: 100 } })

  law('stops expire', async (t, { store }) => {
    await store.stops.append(bytesOf(1))
    await until('it has expired', async () => {
      await store.stops.append(bytesOf(2))
      return (await chunks(store, null, 1000)).at(-1)?.[0] === 2
    })
  }, { stops: { seconds: 1 } })
}
