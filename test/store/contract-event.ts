import { until } from '../helper.js'
import { textBatchOf } from '../../src/store/event-store.js'
import type { Store } from '../../src/store/store.js'
import type { Law } from './contract.js'
import { nextMillisecond } from './store-clock.js'

const log = (store: Store, ...pairs: Array<[id: string, text: string]>) => store.events.append(textBatchOf(pairs))
const logged = async (store: Store, id: string) => (await store.events.read([id])).get(id)

/** The laws of EventStore. */
export function eventContract (law: Law): void {
  law('events are found by generation, whichever replica logged them', async (t, { store, other }) => {
    t.same(await store.events.read(['a']), new Map())
    t.equal(await log(store, ['a', '{"n":1}'], ['b', 'é'], ['a', '{"n":2}']), 3)
    t.equal(await log(other, ['a', '']), 1)
    t.same(await other.events.read(['a', 'b', 'none']), new Map([['a', ['{"n":1}', '{"n":2}', '']], ['b', ['é']]]))
  })

  law('events outlive a crash', async (t, { store, crash }) => {
    await log(store, ['a', 'event'])
    t.same(await logged(await crash(), 'a'), ['event'])
  })

  law('the least recently written generations go first when the log is full', async (t, { store }) => {
    for (const id of ['a', 'b', 'a', 'c']) {
      await log(store, [id, 'x'.repeat(30)])
      await nextMillisecond()
    }
    t.same(await store.events.read(['a', 'b', 'c']), new Map([['a', ['x'.repeat(30), 'x'.repeat(30)]], ['c', ['x'.repeat(30)]]]))
  }, { events: { generations: 2 } })

  law('events expire a fixed time after the last one', async (t, { store }) => {
    await log(store, ['a', 'event'])
    await until('it has expired', async () => await logged(store, 'a') === undefined)
  }, { events: { seconds: 1 } })

  law('answers that await a label are kept apart from the decision log, and can be forgotten', async (t, { store, other }) => {
    await log(store, ['a', 'event'])
    await store.answers.append(textBatchOf([['a', 'answer'], ['b', 'other']]))
    t.same(await other.answers.read(['a', 'b']), new Map([['a', ['answer']], ['b', ['other']]]))
    await other.answers.forget(['a'])
    t.same(await store.answers.read(['a', 'b']), new Map([['b', ['other']]]))
    t.same(await logged(store, 'a'), ['event'])
  })

  law('answers expire', async (t, { store }) => {
    await store.answers.append(textBatchOf([['a', 'answer']]))
    await until('it has expired', async () => (await store.answers.read(['a'])).size === 0)
  }, { answers: { seconds: 1 } })
}
