import t from 'tap'
import type { ContextState } from '../../src/core/judgement/context-state.js'
import type { CheckpointEntry, Command } from '../../src/core/learn/log-entry.js'
import { missedEpochs } from '../../src/learning/missed-epochs.js'
import { UNREADABLE_COMMAND } from '../../src/store/damaged.js'
import type { Store } from '../../src/store/store.js'
import { state } from '../store/fixtures.js'

type Found = Awaited<ReturnType<Store['audit']>>
type Runs = Awaited<ReturnType<Store['trainingRuns']>>
type Contexts = Record<string, ContextState>
const reset = (key: string, time: number) => ({ time, command: { type: 'reset', key, by: 'ops', reason: 'r' } })
const begun = (epoch_started_at: number, checkpoint: ContextState['checkpoint'] = null): ContextState =>
  ({ ...state(1), epoch_started_at, checkpoint })
const serves = (run: string, step: number) => ({ run, step, expected: null })

interface Opening { key: string, step: number, at: number }
type ByRun = Record<string, Opening[]>

const storeOf = (rows: object[], openings: ByRun) => ({
  audit: async () => rows as unknown as Found,
  trainingRuns: async () => Object.entries(openings)
    .map(([name, contexts]) => ({ name, contexts, suites: contexts.length === 0 ? [] : [{}] })) as unknown as Runs,
})
const textOf = (entry: Command | CheckpointEntry) =>
  `${entry.type} ${entry.key}${entry.type === 'checkpoint' ? ` ${entry.run}-${entry.step}` : ''} by ${entry.by}`

async function missed (contexts: Contexts, rows: object[], openings: ByRun = {}, told: unknown[] = []) {
  const entries = await missedEpochs(storeOf(rows, openings), new Map(Object.entries(contexts)), (...what) => { told.push(what) })
  return entries.map(textOf)
}

t.test('resets newer than the epoch, the newest of each context', async (t) => {
  t.same(await missed({ a: begun(5000), b: begun(5000) }, [reset('a', 6500), reset('a', 6000), reset('b', 5000), reset('a', 4000), reset('gone', 6000)]), ['reset a by stopgate'])
  t.same(await missed({ a: begun(5000) }, [{ time: 9000, command: { type: 'pin', key: 'a' } }, reset('a', 4000)]), [])
})

t.test('checkpoints that a context of theirs does not bear and began before', async (t) => {
  const openings = { r: [{ key: 'model=q', step: 7, at: 6000 }] }
  t.same(await missed({ 'model=q,task=x': begun(5000) }, [], openings), ['checkpoint model=q r-7 by stopgate'])
  t.same(await missed({ 'model=q,task=x': begun(5000, serves('r', 6)) }, [], openings), ['checkpoint model=q r-7 by stopgate'])
  t.same(await missed({ 'model=q,task=x': begun(5000, serves('r', 7)), 'model=q,task=y': begun(7000), 'model=z,task=x': begun(5000) }, [], openings), [])
})

/** Contexts after what is said again: each begins an epoch and bears a checkpoint's name, or none. */
async function after (contexts: Contexts, rows: object[], openings: ByRun): Promise<Contexts> {
  const now = { ...contexts }
  const entries = await missedEpochs(storeOf(rows, openings), new Map(Object.entries(contexts)), () => {})
  for (const entry of entries) {
    for (const key of Object.keys(now)) {
      if (entry.type === 'reset' && key === entry.key) now[key] = begun(10_000)
      if (entry.type === 'checkpoint' && `${key},`.startsWith(`${entry.key},`)) now[key] = begun(10_000, serves(entry.run, entry.step))
    }
  }
  return now
}

const named = (contexts: Contexts) =>
  Object.fromEntries(Object.entries(contexts).map(([key, { checkpoint }]) => [key, checkpoint ? `${checkpoint.run}-${checkpoint.step}` : null]))

t.test('contexts end with the last that reaches them, whatever the runs are called and wherever they lie', async (t) => {
  const x = 'model=q,task=x'
  for (const [older, newer] of [['a', 'b'], ['b', 'a']] as const) {
    const wide = { key: 'model=q', step: 1, at: 6000 }
    const narrow = { key: x, step: 2, at: 7000 }
    const openings = { [older]: [wide], [newer]: [narrow], z: [{ key: 'model=z', step: 9, at: 8000 }] }
    const contexts = { 'model=q': begun(5000), [x]: begun(7000, serves(newer, 2)), 'model=q,task=y': begun(5000), 'model=z': begun(8000, serves('z', 9)) }
    const then = await after(contexts, [], openings)
    t.same(named(then), { 'model=q': `${older}-1`, [x]: `${newer}-2`, 'model=q,task=y': `${older}-1`, 'model=z': 'z-9' })
    t.equal(then['model=z'], contexts['model=z'], 'what is elsewhere goes on, though it came later')
    t.same(await after(then, [], openings), then, 'and nothing is said again')

    const narrowFirst = { [older]: [{ ...narrow, at: 6000 }], [newer]: [{ ...wide, at: 7000 }] }
    t.same(named(await after({ [x]: begun(5000) }, [], narrowFirst)), { [x]: `${newer}-1` })
    t.same(await missed({ [x]: begun(5000) }, [], narrowFirst), [`checkpoint model=q ${newer}-1 by stopgate`], 'what came before it is over')
    t.same(await missed({ [x]: begun(6990, serves(newer, 1)) }, [], narrowFirst), [], 'an older one is no matter where the newest is borne')
    t.same(await missed({ 'model=q': begun(7000, serves(newer, 1)), [x]: begun(5000) }, [], { [older]: [wide], [newer]: [narrow] }),
      [`checkpoint ${x} ${newer}-2 by stopgate`], 'an older one is not said before the newest that reaches a context')
  }
})

t.test('a reset after a checkpoint stays after it', async (t) => {
  const openings = { r: [{ key: 'model=q', step: 7, at: 6000 }] }
  const x = 'model=q,task=x'
  t.same(named(await after({ [x]: begun(5000), 'model=q': begun(5000) }, [reset(x, 7000)], openings)), { [x]: null, 'model=q': 'r-7' }, 'both were missed')
  t.same(named(await after({ [x]: begun(7000), 'model=q': begun(5000) }, [reset(x, 7000)], openings)), { [x]: null, 'model=q': 'r-7' }, 'one was')
  t.same(await missed({ [x]: begun(5000), 'model=q': begun(5000) }, [reset('model=q', 7000), reset(x, 6500)], {}),
    [`reset ${x} by stopgate`, 'reset model=q by stopgate'])
})

t.test('damage there too is told, and the rest goes on', async (t) => {
  const told: unknown[] = []
  const contexts = { 'model=q': begun(5000) }
  const damaged = { id: '7', time: 6000, command: UNREADABLE_COMMAND }
  t.same(await missed(contexts, [damaged, reset('model=q', 6000)], { r: [{ key: 'model=q', step: 7, at: 5500 }], odd: [] }, told), ['reset model=q by stopgate'])
  t.same(told, [['audit', 1, { ids: ['7'] }], ['runs', 1, { names: ['odd'] }]])
})
