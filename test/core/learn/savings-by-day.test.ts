import t from 'tap'
import { Cohorts } from '../../../src/core/evidence/cohorts.js'
import { isWithin } from '../../../src/core/policy/context.js'
import { addSums, dayOf, figuresOfSums, NO_SUMS, type SavingsSums, toNumbers } from '../../../src/core/stats/savings-sums.js'
import { certifiedFold } from './enrolled-fold.js'
import { FIRST, GAINED, KEPT, LEAF, LOST, type MemoryFold, memoryFold, outcomeOf, SURE_STEP } from './memory-fold.js'

const DAY = 86_400_000
const RATE = 0.25 // one control generation stands for three treated ones
const STOPPED = outcomeOf({ arm: 'treated', u: 0.9, stopped: true, tokens: 55, answer_tokens: 10, steps: null, probe_tokens: 4 })
const of = (task: string) => ({ context: { model: 'q', task } })

/** All sums within a prefix: of ended days, and of the days in states that have not ended. */
function allSums (fold: MemoryFold, prefix = '*'): SavingsSums {
  const ended = fold.days.flatMap(({ contexts }) => [...contexts])
  const present = dayOf(fold.cohorts.time!)
  const today = [...fold.states].flatMap(([key, { savings: { today } }]) => today?.day === present ? [[key, today] as const] : [])
  return [...ended, ...today].filter(([key]) => isWithin(key, prefix)).reduce((sum, [, sums]) => addSums(sum, sums), NO_SUMS)
}

t.test('the sums over days and contexts are those of the whole', async (t) => {
  const fold = memoryFold({ control_rate: RATE })
  fold.learn(KEPT, 0, FIRST)
  for (const [day, outcomes] of [[0, 5], [1, 9], [3, 2], [4, 7]] as const) {
    fold.learn(STOPPED, day * DAY + 5000, outcomes)
    fold.learn({ ...STOPPED, ...of('new') }, day * DAY + 5500)
    fold.learn(KEPT, day * DAY + 8000, outcomes)
  }
  t.same(fold.days.map(({ day }) => day), [0, 1, 3], 'days without outcomes are left out')
  t.same([...fold.days[2]!.contexts.keys()].sort(), [LEAF, 'model=q,task=new'], 'a generation counts in its leaf alone')
  const { sums, probe_tokens: probes, history } = fold.state('*').savings
  const all = allSums(fold)
  t.same(toNumbers(all), toNumbers({ ...all, saved: sums, probe_tokens: probes, tokens: history!.tokens }))
  t.same([all.generations, all.probe_tokens, all.lost.samples], [FIRST + 23 + 4 + 23, 4 * 27, 3 * 23])
  t.same(toNumbers(allSums(fold, LEAF)).slice(3), toNumbers({ ...all, saved: fold.state().savings.sums }).slice(3))
})

t.test('a day ends once, by the log\'s clock, and its end changes no state', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 1000)
  const before = fold.state()
  fold.append({ type: 'tick' }, DAY - 1)
  t.same(fold.days, [])
  fold.append({ type: 'acknowledgement', by: 'ops', reason: 'r' }, DAY)
  t.match(fold.days, [{ day: 0 }])
  t.equal(fold.days[0]!.contexts.get(LEAF)!.generations, 1)
  t.equal(fold.state(), before)
  fold.append({ type: 'tick' }, 5 * DAY)
  fold.append({ type: 'tick' }, 2 * DAY)
  t.equal(fold.days.length, 1, 'an idle context is written once, also if the clock goes back')
  Object.assign(fold, { cohorts: new Cohorts() })
  fold.append({ type: 'tick' }, 7 * DAY)
  t.same(fold.days.map(({ day }) => day), [0, 0], 'where the clock is lost, days are written again, and the store keeps the first')
})

/** Its answer would have changed at every threshold, so only a label can show what that lost. */
const CHANGED = { full: {}, answer_digest: 'x', steps: [{ ...SURE_STEP, exact_match: undefined, answer_digest: 'y' }] }

t.test('losses at the threshold in force are counted, and those of late labels when they come', async (t) => {
  const fold = certifiedFold({ control_rate: RATE })
  const { time } = fold
  const lost = () => fold.state().savings.today!.lost
  t.match(lost(), { samples: 0 }, 'nothing was in force')
  fold.enrol([0.1, 0.11, 0.12, 0.13], time)
  for (const [u, outcome] of [[0.1, LOST], [0.11, GAINED], [0.12, KEPT]] as const) {
    const { full, steps } = outcome
    fold.report(u, time + 1000, { full, steps })
  }
  t.same(lost(), { samples: 9, squares: 27, lost: 3, gained: 3 })
  fold.report(0.13, time + 1000, CHANGED)
  const { today } = fold.state().savings
  const stopping = { ...today!, saved: { ...today!.saved, treated: { generations: 8, tokens: 0 } } }
  t.match(figuresOfSums(stopping), { lost: { estimate: 0 }, unlabelled: 2 }, 'it is left out until its label comes')
  fold.append({ type: 'label', generation_id: 'g0.13', em: 1 }, time + DAY)
  t.same(lost(), { samples: 3, squares: 9, lost: 3, gained: 0 }, 'on the day of the label')
  t.same(allSums(fold).lost, { samples: 12, squares: 36, lost: 6, gained: 3 })
  fold.append({ type: 'label', generation_id: 'g0.13', em: 1 }, time + DAY)
  t.match(lost(), { samples: 3 }, 'once')
})

t.test('a judge\'s losses count as many times as it misses some', async (t) => {
  const fold = certifiedFold({ control_rate: RATE, judge_miss_rate: 0.2 })
  fold.enrol([0.1], fold.time)
  fold.report(0.1, fold.time + 1000, { steps: LOST.steps })
  t.match(fold.state().savings.today!.lost, { samples: 3, lost: 3 / 0.8 })
})

t.test('generations without a context of their own, and those of removed contexts, count above', async (t) => {
  const fold = memoryFold({}, { max_contexts: 3 })
  const treated = (task: string) => outcomeOf({ arm: 'treated', u: 0.9, context: { model: 'q', task } })
  for (let i = 0; i < 20; i++) fold.append(treated('first'), 1000 * i)
  for (let i = 0; i < 2000; i++) fold.append(treated('busy'), 20_000 + i)
  t.notOk(fold.states.has('model=q,task=first'), 'it gave way')
  t.ok(fold.state('model=q').savings.today!.generations >= 20)
  t.equal(allSums(fold).generations, 2020)
  fold.append({ type: 'tick' }, DAY)
  t.equal(allSums(fold).generations, 2020)
})
