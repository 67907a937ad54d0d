import t from 'tap'
import { lacksEngine } from '../engines/start-engine.js'
import { playLive, recordLive } from './live.js'

// A few generations of what `npm run compare live` plays.

const lacking = lacksEngine('llama.cpp')

t.test('a recording is reused, and each of its steps has what the rules read', { skip: lacking ?? false }, async (t) => {
  const folder = t.testdir()
  const runs = await recordLive('boxed', 2, folder)
  t.same(runs.map(({ context }) => context!.task), ['swap', 'total', 'dial', 'swap', 'total', 'dial'])
  t.same(await recordLive('boxed', 2, folder), runs)
  for (const { tokens, answer_tokens: answer, em, steps } of runs) {
    t.ok(steps.length > 5 && steps.every(({ tokens }, i) => tokens === 8 * (i + 1)), 'an answer is forced every 8 tokens')
    t.ok(steps.at(-1)!.tokens < tokens - answer!, 'within the reasoning')
    for (const { confidence, signals, answer: forced, probe_tokens: asked } of steps) {
      t.ok(confidence! > 0 && confidence! <= 1 && signals!.entropy! >= 0 && asked! >= 1 && asked! <= 8)
      t.match(forced, /^\d*$/)
    }
    if (em === 1) t.ok(steps.some((step) => step.em === 1), 'the model knows its answer before it ends')
  }
})

t.test('stopgate live has a row for each task', { skip: lacking ?? false }, async (t) => {
  t.same((await playLive('single', 2)).split('\n').slice(2).map((row) => row.split(' ')[1]), ['add', 'count', 'follow', 'times'])
})
