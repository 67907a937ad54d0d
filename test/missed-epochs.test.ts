import t from 'tap'
import type { ContextState } from '../src/core/context-state.js'
import { missedEpochs } from '../src/missed-epochs.js'
import type { Store } from '../src/store/store.js'
import { state } from './store/fixtures.js'

type Found = Awaited<ReturnType<Store['audit']>>
const reset = (key: string, time: number) => ({ time, command: { type: 'reset', key, by: 'ops', reason: 'r' } })
const begun = (epoch_started_at: number, checkpoint: ContextState['checkpoint'] = null): ContextState =>
  ({ ...state(1), epoch_started_at, checkpoint })

interface Opening { key: string, step: number, at: number }

async function missed (contexts: Record<string, ContextState>, rows: object[], openings: Opening[] = []) {
  const store = {
    audit: async () => rows as unknown as Found,
    trainingRuns: async () => [{ name: 'r', contexts: openings }] as unknown as Awaited<ReturnType<Store['trainingRuns']>>,
  }
  return (await missedEpochs(store, new Map(Object.entries(contexts)))).map((entry) => [entry.type, 'key' in entry && entry.key, entry.by])
}

t.test('resets newer than the epoch, the newest of each context', async (t) => {
  t.same(await missed({ a: begun(5000), b: begun(5000) }, [reset('a', 6000), reset('b', 5000), reset('a', 4000), reset('gone', 6000)]), [['reset', 'a', 'stopgate']])
  t.same(await missed({ a: begun(5000) }, [{ time: 9000, command: { type: 'pin', key: 'a' } }, reset('a', 4000)]), [])
})

t.test('checkpoints that a context of theirs does not bear and began before', async (t) => {
  const at = { step: 7, at: 6000 }
  const seven = { run: 'r', step: 7, expected: null }
  t.same(await missed({ 'model=q,task=x': begun(5000) }, [], [{ key: 'model=q', ...at }]), [['checkpoint', 'model=q', 'stopgate']])
  t.same(await missed({ 'model=q,task=x': begun(5000, { ...seven, step: 6 }) }, [], [{ key: 'model=q', ...at }]), [['checkpoint', 'model=q', 'stopgate']])
  t.same(await missed({ 'model=q,task=x': begun(5000, seven), 'model=q,task=y': begun(7000), 'model=z,task=x': begun(5000) }, [], [{ key: 'model=q', ...at }]), [])
})

t.test('damage there too keeps nobody from going on, a store that is gone does', async (t) => {
  const store = (error: Error) => ({ audit: () => Promise.reject(error), trainingRuns: async () => [] })
  t.same(await missedEpochs(store(new SyntaxError('JSON')), new Map()), [])
  const contexts = { 'model=q': begun(5000) }
  const missing = [{ time: 6000, command: null }] // JSON, and no command
  const step = 'seven' as unknown as number
  t.same(await missed(contexts, missing, [{ key: 'model=q', step: 7, at: 6000 }]), [['checkpoint', 'model=q', 'stopgate']])
  t.same(await missed(contexts, [reset('model=q', 6000)], [null as unknown as Opening]), [['reset', 'model=q', 'stopgate']])
  t.same(await missed(contexts, [], [{ key: 'model=q', step, at: 6000 }]), [], 'nothing is said that could not be read again')
  await t.rejects(missedEpochs(store(new Error('gone')), new Map()), { message: 'gone' })
})
