import fc from 'fast-check'
import t from 'tap'
import { type AddedReports, addReports, type Report, TRAINING_LIMITS } from '../../../src/core/training/add-reports.js'
import type { Series, TrainingRun } from '../../../src/core/training/run.js'
import { holds } from '../../property.js'

const report = (step: number, em = 0.5, suite = 's', key: string | null = null): Report =>
  ({ checkpoint: { step, suite, em, n: 100, tokens_mean: 10 }, key })

/** A run in memory. */
class StoredRun {
  run: TrainingRun | null = null
  readonly series = new Map<string, Series>()
  opened: string[] = []
  #time = 0

  add (...reports: Report[]): AddedReports['reported'] {
    const added = addReports(this.run, this.series, reports, ++this.#time)
    for (const [suite, series] of added.series) this.series.set(suite, series)
    const suites = [...this.series.keys()].map((suite) => ({ suite, steps: 0, replayed: 0, step: 0, em: 0, tokens_mean: 0, verdicts: [] }))
    this.run = { name: 'r', revision: 1, created_at: 0, updated_at: 0, suites, contexts: added.contexts }
    this.opened.push(...added.served.map(({ key, step, continues }) => `${key} ${step}${continues ? ' continues' : ''}`))
    return added.reported
  }

  steps (suite = 's'): number[] { return this.series.get(suite)!.points.map(({ step }) => step) }
}

t.test('a checkpoint that continues the training says so for its context', async (t) => {
  const stored = new StoredRun()
  const continuing = ({ checkpoint, key }: Report): Report => ({ checkpoint: { ...checkpoint, continues: true }, key })
  stored.add(report(1, 0.5, 's', 'model=q'), continuing(report(2, 0.5, 's', 'model=q')))
  t.same(stored.opened, ['model=q 2'], 'not where an earlier one of the call does not')
  stored.add(continuing(report(3, 0.5, 's', 'model=q')), continuing(report(4, 0.5, 's', 'model=q')))
  t.same(stored.opened.at(-1), 'model=q 4 continues')
  stored.add(continuing(report(4, 0.6, 's', 'model=q')))
  t.equal(stored.opened.filter((one) => one.startsWith('model=q 4')).length, 1, 'a resumed training reports its newest step with other figures')
  stored.add(report(5, 0.5, 's', 'model=q'))
  t.same(stored.opened.at(-1), 'model=q 5')
})

t.test('repeated figures are a duplicate, and differing figures are another attempt', async (t) => {
  const stored = new StoredRun()
  t.same(stored.add(report(1), report(2), report(1), report(2, 0.6), report(2)), ['accepted', 'accepted', 'duplicate', 'attempt', 'duplicate'])
  t.same(stored.add(report(2, 0.6), report(2), report(1, 0.5, 'other')), ['duplicate', 'duplicate', 'accepted'])
  t.same(stored.series.get('s')!.points[1]!.attempts.map(({ checkpoint }) => checkpoint.em), [0.5, 0.6])
})

t.test('points are sorted by step, and repeating all reports changes nothing', async (t) => {
  holds(t, fc.property(fc.array(fc.tuple(fc.nat(20), fc.constantFrom(0.1, 0.2)), { maxLength: 60 }), (pairs) => {
    const stored = new StoredRun()
    const reports = pairs.map(([step, em]) => report(step, em))
    stored.add(...reports)
    const before = JSON.stringify([...stored.series])
    const again = stored.add(...reports)
    return JSON.stringify([...stored.series]) === before && again.every((result) => result === 'duplicate') &&
      (pairs.length === 0 || stored.steps().every((step, i, steps) => i === 0 || steps[i - 1]! < step))
  }))
})

t.test('a new step opens an epoch once, and replayed steps open none', async (t) => {
  const stored = new StoredRun()
  const at = (step: number, em = 0.5, suite = 's') => report(step, em, suite, 'model=q')
  stored.add(at(10), at(10, 0.5, 'other suite'), at(20))
  t.same(stored.opened, ['model=q 20'], 'the newest of several in one request')
  stored.add(at(10), at(20), at(10, 0.4), at(15))
  t.same(stored.opened, ['model=q 20'], 'replayed or late steps')
  stored.add(at(30))
  stored.add(at(30))
  t.same(stored.opened, ['model=q 20', 'model=q 30'])
})

t.test('differing figures for the newest step open an epoch once', async (t) => {
  const stored = new StoredRun()
  const at = (em: number, suite = 's') => report(10, em, suite, 'model=q')
  stored.add(at(0.5))
  stored.add(at(0.5, 'other suite'))
  stored.add(at(0.6))
  stored.add(at(0.5), at(0.6))
  t.same(stored.opened, ['model=q 10', 'model=q 10'])
})

t.test('the newest step under another threshold or for another context has the same weights', async (t) => {
  const stored = new StoredRun()
  const at = (em: number, threshold?: number | null, key = 'model=q'): Report => {
    const { checkpoint } = report(10, em)
    const context = { model: key.slice(6) }
    return { checkpoint: { ...checkpoint, context, ...(threshold !== undefined && { threshold }) }, key }
  }
  stored.add(at(0.5))
  t.same(stored.add(at(0.48, 0.9), at(0.47, 0.8), at(0.5, null)), ['attempt', 'attempt', 'attempt'])
  t.same(stored.opened, ['model=q 10'])
  stored.add(at(0.5, undefined, 'model=p'))
  stored.add(at(0.48, 0.9, 'model=p'))
  t.same(stored.opened, ['model=q 10', 'model=p 10'], 'another context opens an epoch once')
  stored.add(at(0.6, 0.9))
  t.same(stored.opened.slice(2), ['model=q 10'], 'differing figures under a known threshold')
})

t.test('reports beyond a limit are refused with its name, and the others are stored', async (t) => {
  const stored = new StoredRun()
  for (let i = 0; i < TRAINING_LIMITS.suites; i++) stored.add(report(1, 0.5, `suite ${i}`, i < TRAINING_LIMITS.contexts ? `model=${i}` : null))
  t.match(stored.add(report(1, 0.5, 'one more'), report(2, 0.5, 'suite 0'), report(2, 0.5, 'suite 1', 'model=new')), [{ path: '/suite', message: /32 suites/ }, 'accepted', { path: '/context', message: /32 contexts/ }])
  t.notOk(stored.series.has('one more'))
  for (let i = 1; i < TRAINING_LIMITS.attempts; i++) t.equal(stored.add(report(1, i / 100, 'suite 2'))[0], 'attempt')
  t.match(stored.add(report(1, 0.99, 'suite 2')), [{ path: '/step', message: /8 different figures/ }])
})

t.test('beyond the limit of reports the lowest steps are dropped and remain known', async (t) => {
  const stored = new StoredRun()
  const many = Array.from({ length: TRAINING_LIMITS.reports + 5 }, (_, i) => report(i))
  t.ok(stored.add(...many).every((result) => result === 'accepted'))
  t.equal(stored.steps().length, TRAINING_LIMITS.reports)
  t.equal(stored.steps()[0], 5)
  t.ok(stored.add(...many).every((result) => result === 'duplicate'), 'reporting the same file again adds nothing')
})
