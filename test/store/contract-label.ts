import type { LogEntry } from '../../src/core/learn/log-entry.js'
import { outcomeOf } from '../core/learn/memory-fold.js'
import { until } from '../helper.js'
import type { Law } from './contract.js'
import { commitOf, idsIn, idsOf, label, LIST, outcome, outcomes, pinEntry, TICK, unlabelled } from './fixtures.js'

/** Law 1 of LogStore for labels, and its bound on the length of the log. */
export function labelContract (law: Law): void {
  law('a label is appended once, and only if its outcome waits for it', async (t, { store, other }) => {
    await store.append([unlabelled('a'), unlabelled('b'), outcome('labelled')])
    t.same(await other.append([label('a'), label('a'), label('labelled'), label('nobody')]), ['accepted', 'duplicate', 'duplicate', 'unknown'])
    t.same(await store.append([label('a'), unlabelled('a')]), ['duplicate', 'duplicate'], 'the outcome is remembered after its label came')
    t.same(await store.append([unlabelled('c'), label('c'), unlabelled('c')]), ['accepted', 'accepted', 'duplicate'], 'the order within a call counts')
    const racing = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? store : other).append([label('b')])))
    t.equal(racing.flat().filter((code) => code === 'accepted').length, 1, 'only one of concurrent labels is accepted')
    const stored = await store.read('0-0', 100, 0)
    t.same(idsIn(stored), ['a', 'b', 'labelled', 'label', 'c', 'label', 'label'])
    t.same(stored[3]!.entry, label('a'), 'the label is stored unchanged')
  })

  law('a reference is accepted only if the outcome or the label has an answer', async (t, { store }) => {
    const reference = (id: string, given = {}): LogEntry => ({ type: 'label', generation_id: id, references: ['0123456789abcdef'], ...given })
    const answered = (id: string) => outcomeOf({ generation_id: id, full: {}, answer_digest: '0123456789abcdef' })
    t.same(await store.append([unlabelled('a'), reference('a'), reference('a', { answer: 'x' })]), ['accepted', 'unanswered', 'accepted'])
    t.same(await store.append([unlabelled('b'), reference('b', { em: 1 })]), ['accepted', 'accepted'])
    t.same(await store.append([answered('c'), reference('c'), reference('c')]), ['accepted', 'accepted', 'duplicate'])
  })

  law('a comparison is accepted only if it is of as many steps as the outcome has', async (t, { store }) => {
    const compared = (id: string, ...differences: number[]): LogEntry => ({ type: 'label', generation_id: id, differences })
    const steps = [1, 2].map((tokens) => ({ tokens, confidence: 0.5 }))
    await store.append([outcomeOf({ generation_id: 'a', full: {}, steps }), outcomeOf({ generation_id: 'b', full: {}, steps: null })])
    t.same(await store.append([compared('a', 8), compared('a', 8, 0, 0), compared('a', 8, 0), compared('a', 8)]), ['mismatched', 'mismatched', 'accepted', 'duplicate'])
    t.same(await store.append([compared('b', 8), { ...compared('b', 8), em: 1 } as LogEntry]), ['mismatched', 'accepted'], 'em settles the label')
  })

  law('an outcome graded by agreement alone waits for a label', async (t, { store }) => {
    await store.append([{ ...unlabelled('a'), full: { agreement: 1 } } as never])
    t.same(await store.append([label('a')]), ['accepted'])
  })

  law('a label is accepted as long as its outcome is remembered', async (t, { store }) => {
    const ids = idsOf('a', 1000)
    await store.append(ids.map(unlabelled))
    let labelled = 0
    await until('the outcomes are forgotten', async () => {
      const [code] = await store.append([label(ids[labelled]!), TICK])
      if (code !== 'unknown') t.equal(code, 'accepted', ids[labelled++]!)
      return code === 'unknown'
    })
    t.equal((await store.append([label('a-0')])).join(), 'unknown', 'one that has its label, too')
    const stored = await store.read('0-0', 10_000, 0)
    t.ok(stored.at(-1)!.time - stored[0]!.time >= 1000, 'not before a second, by the clock of the store')
    t.same(idsIn(stored).filter((id) => id === 'label').length, labelled)
  }, { dedupSeconds: 1 })

  law('an outcome still waits for its label after a crash', async (t, { store, crash }) => {
    await store.append([unlabelled('a'), unlabelled('b'), label('b')])
    t.same(await (await crash()).append([label('a'), label('b')]), ['accepted', 'duplicate'])
  })

  law('a full log refuses outcomes, labels and enrolment lists, and accepts other entries', async (t, { store, other }) => {
    await store.append([...outcomes(...idsOf('a', 8)), unlabelled('b')])
    const full = { name: 'StoreFullError' }
    await t.rejects(store.append(outcomes('c', 'd')), full, 'there is room for one entry, not for two')
    t.same(await store.append([outcome('c')]), ['accepted'])
    await t.rejects(other.append([outcome('d')]), full)
    await t.rejects(other.append([label('b')]), full)
    await t.rejects(other.append([LIST]), full)
    await t.rejects(other.append([pinEntry('*', 0.5), outcome('d')]), full)
    t.equal((await store.pins()).size, 0, 'the pin of the refused call was not written')
    t.same(await store.append([TICK, pinEntry('*', 0.5)]), ['accepted', 'accepted'])
    t.same(await store.append([]), [])
    const stored = await store.read('0-0', 100, 0)
    t.same(idsIn(stored), [...idsOf('a', 8), 'b', 'c', 'tick', 'pin'], 'the log has all that was accepted')
    const token = (await store.acquireLease('a', 10_000))!
    await store.commit(commitOf(token, { to: stored.at(-1)!.cursor }))
    t.same(await store.append([label('b'), ...outcomes('d')]), ['accepted', 'accepted'], 'a commit makes room')
  }, { maxLogEntries: 10 })

  law('concurrent appends do not exceed the bound of the log', async (t, { store, other }) => {
    const calls = await Promise.allSettled(idsOf('a', 40).map((id, i) => (i % 2 === 0 ? store : other).append([outcome(id)])))
    t.equal(calls.filter(({ status }) => status === 'fulfilled').length, 10)
    t.equal((await store.revision()).lag, 10)
  }, { maxLogEntries: 10 })
}
