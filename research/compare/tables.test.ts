import t from 'tap'
import { readTraceRuns } from '../simulation/share.js'
import { bestSetting, chosenOnOtherHalf, scoreAll } from './hindsight.js'
import { BOUND, prepare } from './play.js'
import { agreement, confidence, NEVER, rulesFor, tokenBudget } from './rules.js'
import { brokenIn, compareOn, details, summary } from './tables.js'

const runs = readTraceRuns('reasoner', ['model', 'task']).filter(({ context }) => context!.task === 'maximum')
const recording = {
  name: 'maximum', runs, levels: ['model'], policy: {}, parts: ['model'], distances: { all: [4, 16], published: 4 }, probeTokens: 1,
}
const rows = compareOn(recording, [1, 2])
const parts = [...new Set(rows.map(({ part }) => part))]

t.test('a table has all rules for each part', async (t) => {
  t.same(parts, ['model=reasoner-m', 'model=reasoner-s'])
  for (const part of parts) {
    const own = rows.filter((row) => row.part === part)
    const names = ['no stopping', ...rulesFor(recording.distances, true, 100).map(({ name }) => name), 'stopgate']
    t.same([...new Set(own.map(({ rule }) => rule))], names)
  }
})

t.test('EM as stopped is that in full less what was lost, and intervals contain their estimates', async (t) => {
  for (const { figures: { saved, emFull, em, drop } } of rows) {
    t.ok(Math.abs(emFull.mean - drop.mean - em.mean) < 1e-9)
    for (const { mean, low, high } of [saved, emFull, em, drop]) t.ok(low <= mean && mean <= high)
    t.ok(saved.mean < 1)
  }
})

t.test('without stopping nothing is saved or lost, and rows of all runs state one EM in full', async (t) => {
  for (const part of parts) {
    const own = rows.filter((row) => row.part === part)
    t.same([own[0]!.figures.saved.mean, own[0]!.figures.drop.mean], [0, 0])
    const whole = own.filter(({ origin }) => !/second half|other prompts/.test(origin))
    for (const { figures } of whole) t.ok(Math.abs(figures.emFull.mean - own[0]!.figures.emFull.mean) < 1e-9)
  }
})

t.test('a setting in hindsight stays inside the bound and saves no less than published ones that do', async (t) => {
  for (const part of parts) {
    for (const rule of ['answers agree (Dynasor)', 'confidence (DEER)']) {
      const own = rows.filter((row) => row.part === part && row.rule === rule)
      const best = own.find(({ origin }) => origin === 'in hindsight')!.figures
      t.ok(best.drop.mean <= BOUND && best.saved.mean >= 0)
      const inside = own.filter(({ origin, figures }) => origin !== 'chosen on other prompts' && figures.drop.mean <= BOUND)
      for (const { figures } of inside) t.ok(figures.saved.mean <= best.saved.mean + 1e-9)
    }
  }
})

t.test('where every setting loses too much, hindsight stops nothing', async (t) => {
  const step = { tokens: 4, confidence: 0.99, em: 0 as const, answer: 'x' }
  const wrong = Array.from({ length: 20 }, (_, i) =>
    prepare({ generation_id: `${i}`, tokens: 40, em: 1, steps: [step, { ...step, tokens: 8 }] }, [], 1))
  const settings = [agreement(2, 0), confidence(0.9, 0), tokenBudget(4)]
  t.equal(bestSetting(scoreAll(settings, wrong)), NEVER)
  const right = wrong.map(({ run }) => prepare({ ...run, em: 0 }, [], 1))
  t.equal(bestSetting(scoreAll(settings, right)), settings[2], 'which pays for no probe')
  const { played, orders } = chosenOnOtherHalf(scoreAll(settings, right), [1, 2, 3])
  t.same(orders, { broken: 0, of: 3 })
  t.equal(played.reduce((sum, { plays }) => sum + plays, 0), 30, 'half of the prompts are judged each time')
})

t.test('the bound is broken by the estimate, and surely by the whole interval', async (t) => {
  const [figures] = rows.map((row) => row.figures)
  const word = (low: number, mean: number) => brokenIn({ figures: { ...figures!, drop: { low, mean, high: 1 } } })
  t.same([word(0, 0.02), word(0, 0.03), word(0.021, 0.03)], ['no', 'yes', 'surely'])
  const inOrders = (broken: number) => brokenIn({ figures: figures!, orders: { broken, of: 20 } })
  t.same([inOrders(0), inOrders(3)], ['no', 'in 3 of 20'])
})

t.test('the tables are Markdown with a row for each rule and setting', async (t) => {
  const perPart = rows.length / parts.length
  t.equal(summary(rows).split('\n').length, 2 + perPart)
  t.equal(details('maximum', rows).match(/^### /gm)!.length, parts.length)
  t.notMatch(summary(rows), /NaN|Infinity|undefined/)
})
