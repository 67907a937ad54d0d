import fc from 'fast-check'
import t from 'tap'
import { addReports, TRAINING_LIMITS, type Added, type Report, type Series, type TrainingRun } from '../../../src/core/training/run.js'
import { holds } from '../../property.js'

const report = (step: number, em = 0.5, suite = 's', key: string | null = null): Report =>
  ({ checkpoint: { step, suite, em, n: 100, tokens_mean: 10 }, key })

/** A run in memory. */
class Kept {
  run: TrainingRun | null = null
  readonly series = new Map<string, Series>()
  opened: string[] = []
  #time = 0

  add (...reports: Report[]): Added['reported'] {
    const added = addReports(this.run, this.series, reports, ++this.#time)
    for (const [suite, series] of added.series) this.series.set(suite, series)
    const suites = [...this.series.keys()].map((suite) => ({ suite, steps: 0, replayed: 0, step: 0, em: 0, tokens_mean: 0, verdicts: [] }))
    this.run = { name: 'r', revision: 1, created_at: 0, updated_at: 0, suites, contexts: added.contexts }
    this.opened.push(...added.opened.map(({ key, step }) => `${key} ${step}`))
    return added.reported
  }

  steps (suite = 's'): number[] { return this.series.get(suite)!.points.map(({ step }) => step) }
}

t.test('the same figures again are a duplicate, others another attempt, whatever came in between', async (t) => {
  const kept = new Kept()
  t.same(kept.add(report(1), report(2), report(1), report(2, 0.6), report(2)), ['accepted', 'accepted', 'duplicate', 'attempt', 'duplicate'])
  t.same(kept.add(report(2, 0.6), report(2), report(1, 0.5, 'other')), ['duplicate', 'duplicate', 'accepted'])
  t.same(kept.series.get('s')!.points[1]!.attempts.map(({ checkpoint }) => checkpoint.em), [0.5, 0.6])
})

t.test('points are by step, in whatever order they come; all of them again change nothing', async (t) => {
  holds(t, fc.property(fc.array(fc.tuple(fc.nat(20), fc.constantFrom(0.1, 0.2)), { maxLength: 60 }), (pairs) => {
    const kept = new Kept()
    const reports = pairs.map(([step, em]) => report(step, em))
    kept.add(...reports)
    const before = JSON.stringify([...kept.series])
    const again = kept.add(...reports)
    return JSON.stringify([...kept.series]) === before && again.every((result) => result === 'duplicate') &&
      (pairs.length === 0 || kept.steps().every((step, i, steps) => i === 0 || steps[i - 1]! < step))
  }))
})

t.test('a new step opens an epoch once; steps that a suspended job replays open none', async (t) => {
  const kept = new Kept()
  const at = (step: number, em = 0.5, suite = 's') => report(step, em, suite, 'model=q')
  kept.add(at(10), at(10, 0.5, 'other suite'), at(20))
  t.same(kept.opened, ['model=q 20'], 'of several at once the newest')
  kept.add(at(10), at(20), at(10, 0.4), at(15))
  t.same(kept.opened, ['model=q 20'], 'replayed, or late')
  kept.add(at(30))
  kept.add(at(30))
  t.same(kept.opened, ['model=q 20', 'model=q 30'])
})

t.test('the newest step with other figures is of other weights, and opens an epoch, once', async (t) => {
  const kept = new Kept()
  const at = (em: number, suite = 's') => report(10, em, suite, 'model=q')
  kept.add(at(0.5))
  kept.add(at(0.5, 'other suite'))
  kept.add(at(0.6))
  kept.add(at(0.5), at(0.6))
  t.same(kept.opened, ['model=q 10', 'model=q 10'])
})

t.test('the newest step under another threshold, or for another context, is of the same weights', async (t) => {
  const kept = new Kept()
  const at = (em: number, threshold?: number | null, key = 'model=q'): Report => {
    const { checkpoint } = report(10, em)
    const context = { model: key.slice(6) }
    return { checkpoint: { ...checkpoint, context, ...(threshold !== undefined && { threshold }) }, key }
  }
  kept.add(at(0.5))
  t.same(kept.add(at(0.48, 0.9), at(0.47, 0.8), at(0.5, null)), ['attempt', 'attempt', 'attempt'])
  t.same(kept.opened, ['model=q 10'])
  kept.add(at(0.5, undefined, 'model=p'))
  kept.add(at(0.48, 0.9, 'model=p'))
  t.same(kept.opened, ['model=q 10', 'model=p 10'], 'another context starts over once')
  kept.add(at(0.6, 0.9))
  t.same(kept.opened.slice(2), ['model=q 10'], 'under a threshold that it had before')
})

t.test('what does not fit is refused by name, and the rest is kept', async (t) => {
  const kept = new Kept()
  for (let i = 0; i < TRAINING_LIMITS.suites; i++) kept.add(report(1, 0.5, `suite ${i}`, i < TRAINING_LIMITS.contexts ? `model=${i}` : null))
  t.match(kept.add(report(1, 0.5, 'one more'), report(2, 0.5, 'suite 0'), report(2, 0.5, 'suite 1', 'model=new')), [{ path: '/suite', message: /32 suites/ }, 'accepted', { path: '/context', message: /32 contexts/ }])
  t.notOk(kept.series.has('one more'))
  for (let i = 1; i < TRAINING_LIMITS.attempts; i++) t.equal(kept.add(report(1, i / 100, 'suite 2'))[0], 'attempt')
  t.match(kept.add(report(1, 0.99, 'suite 2')), [{ path: '/step', message: /8 different figures/ }])
})

t.test('of too many reports the lowest steps go, and stay known', async (t) => {
  const kept = new Kept()
  const many = Array.from({ length: TRAINING_LIMITS.reports + 5 }, (_, i) => report(i))
  t.ok(kept.add(...many).every((result) => result === 'accepted'))
  t.equal(kept.steps().length, TRAINING_LIMITS.reports)
  t.equal(kept.steps()[0], 5)
  t.ok(kept.add(...many).every((result) => result === 'duplicate'), 'a file that is read again adds nothing')
})
