import type { CheckpointEntry } from '../../src/core/learn/log-entry.js'
import type { Law } from './contract.js'
import { outcome, trainingWriteOf } from './fixtures.js'
import { ConflictError } from '../../src/store/store-errors.js'

const CHECKPOINT: CheckpointEntry = { type: 'checkpoint', key: 'model=q', run: 'r', step: 5, by: 'trainer' }

/** The laws of TrainingRunStore. */
export function trainingContract (law: Law): void {
  law('a run and its series are read unchanged', async (t, { store, other, crash }) => {
    t.same(await store.trainingRuns.list(), [])
    t.equal(await store.trainingRuns.read('r'), null)
    t.same(await store.trainingRuns.readSeries('r', ['s']), [])
    t.same(await store.trainingRuns.readSeries('r', []), [])
    const write = trainingWriteOf('r', null)
    await store.trainingRuns.write(write)
    await store.trainingRuns.write(trainingWriteOf('r2', null))
    t.strictSame(await other.trainingRuns.read('r'), write.run)
    t.strictSame(await other.trainingRuns.readSeries('r', ['none', 's']), write.series)
    const runs = await (await crash()).trainingRuns.list()
    t.same(runs.map(({ name }) => name).sort(), ['r', 'r2'], 'runs survive a crash')
  })

  law('runs and suites can have any names', async (t, { store }) => {
    const names = ['__proto__', 'a\0b', 'a\0', 'é', 'e\u0301', '🙂', '","', '{run}', '*', 'x'.repeat(128)]
    for (const name of names) {
      const { series: [one], ...write } = trainingWriteOf(name, null)
      await store.trainingRuns.write({ ...write, series: names.map((suite) => ({ ...one!, suite })) })
    }
    t.equal((await store.trainingRuns.list()).length, names.length)
    for (const name of names) {
      t.equal((await store.trainingRuns.read(name))?.name, name)
      t.same((await store.trainingRuns.readSeries(name, names)).map(({ suite }) => suite), names)
    }
  })

  law('a write that builds on another revision writes and appends nothing', async (t, { store, other }) => {
    await store.trainingRuns.write(trainingWriteOf('r', null))
    for (const from of [null, 2]) {
      const late = trainingWriteOf('r', from, { entries: [CHECKPOINT], series: [{ suite: 's', points: [], forgotten_through: 9 }] })
      await t.rejects(other.trainingRuns.write(late), ConflictError)
    }
    await t.rejects(other.trainingRuns.write(trainingWriteOf('new', 1)), ConflictError)
    t.equal((await store.trainingRuns.read('r'))?.revision, 1)
    t.match(await store.trainingRuns.readSeries('r', ['s']), [{ forgotten_through: null }])
    t.equal(await store.trainingRuns.read('new'), null)
    t.same(await store.read('0-0', 10, 0), [])
    await other.trainingRuns.write(trainingWriteOf('r', 1))
    t.equal((await store.trainingRuns.read('r'))?.revision, 2)
  })

  law('when writers race, one wins each revision and nothing is lost', async (t, { store, other }) => {
    await store.trainingRuns.write(trainingWriteOf('r', null))
    let conflicts = 0
    const raise = async (through: typeof store) => {
      for (let done = 0; done < 20;) {
        const run = (await through.trainingRuns.read('r'))!
        await through.trainingRuns.write(trainingWriteOf('r', run.revision, { entries: [CHECKPOINT] })).then(() => { done++ }, (error) => {
          if (!(error instanceof ConflictError)) throw error
          conflicts++
        })
      }
    }
    await Promise.all([raise(store), raise(other), raise(store)])
    t.equal((await store.trainingRuns.read('r'))?.revision, 61)
    t.equal((await store.read('0-0', 1000, 0)).length, 60, `each write appended one entry; ${conflicts} conflicts`)
  })

  law('the entries of a write are appended to the log without moving a version', async (t, { store, other }) => {
    await store.append([outcome('a')])
    await store.trainingRuns.write(trainingWriteOf('r', null, { entries: [CHECKPOINT, { ...CHECKPOINT, key: '*' }] }))
    await other.append([outcome('b')])
    const entries = await other.read('0-0', 10, 0)
    t.same(entries.map(({ entry }) => entry), [outcome('a'), CHECKPOINT, { ...CHECKPOINT, key: '*' }, outcome('b')])
    t.match(await store.revision(), { version: 0, lag: 4 })
    t.same(await store.audit(10), [])
  })

  law('a full log accepts the entries of a training run', async (t, { store }) => {
    await store.append([outcome('a'), outcome('b')])
    await store.trainingRuns.write(trainingWriteOf('r', null, { entries: [CHECKPOINT] }))
    t.equal((await store.revision()).lag, 3)
  }, { maxLogEntries: 2 })

  law('runs that make room are removed with their series, unless their revision moved', async (t, { store, other }) => {
    const old = trainingWriteOf('old', null)
    await store.trainingRuns.write(old)
    await store.trainingRuns.write(trainingWriteOf('kept', null))
    await other.trainingRuns.write(trainingWriteOf('old', 1))
    await t.rejects(store.trainingRuns.write(trainingWriteOf('r', null, { dropped: [old.run] })), ConflictError)
    t.equal(await store.trainingRuns.read('r'), null)
    await store.trainingRuns.write(trainingWriteOf('r', null, { dropped: [{ ...old.run, revision: 2 }] }))
    t.equal(await store.trainingRuns.read('old'), null)
    t.same(await store.trainingRuns.readSeries('old', ['s']), [])
    t.same((await store.trainingRuns.list()).map(({ name }) => name).sort(), ['kept', 'r'])
    t.equal((await store.trainingRuns.readSeries('kept', ['s'])).length, 1)
  })
}
