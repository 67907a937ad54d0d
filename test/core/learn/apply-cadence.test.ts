import t from 'tap'
import { checksDue, cadenceOfTreated, NO_CADENCES } from '../../../src/core/guards/cadences.js'
import type { LoggedOutcome } from '../../../src/core/outcome/outcome.js'
import { certifiedFold } from './enrolled-fold.js'
import { LEAF, memoryFold, outcomeOf, SURE_STEP } from './memory-fold.js'

const EVERY_32 = { checkEveryTokens: 32, checkGrowth: 0, minTokens: 0 }

let ids = 0
/** What one outcome adds to a context in which the loosest threshold is in force. */
function added (changes: Partial<LoggedOutcome>) {
  const fold = certifiedFold()
  fold.learn(outcomeOf({ generation_id: `c${++ids}`, u: 0.999, ...changes }), fold.time)
  return fold.state().guards.cadences
}

const STOP: Partial<LoggedOutcome> = { arm: 'treated', stopped: true, tokens: 100, answer_tokens: 4, steps: null, steps_asked: 3 }

t.test('a stopped generation counts its checks up to the stop', async (t) => {
  t.match(added({ ...STOP, stopped_probe: { tokens: 80 } }).treated, { n: 1, asked: 3, due: checksDue(EVERY_32, 80) })
  t.match(added(STOP).treated, { n: 1, asked: 3, due: checksDue(EVERY_32, 96) }, 'without its probe up to the answer')
})

t.test('a control generation counts its checks up to the step that crosses the threshold', async (t) => {
  const unsure = { tokens: 20, confidence: 0.01 }
  const steps = [unsure, { ...unsure, tokens: 30, confidence: null }, { ...unsure, tokens: 30 }, SURE_STEP, { ...SURE_STEP, tokens: 60 }]
  t.match(added({ arm: 'control', steps }), { control: { n: 1, asked: 3, due: checksDue(EVERY_32, SURE_STEP.tokens) }, treated: { n: 0 } })
})

t.test('generations that are not stopped, or say too little, do not count', async (t) => {
  const unsure = [{ tokens: 20, confidence: 0.01 }]
  for (const changes of [
    { ...STOP, stopped: false }, { ...STOP, steps_asked: undefined as never }, { ...STOP, steps_asked: 0 },
    { ...STOP, cancelled: true, stopped: false },
    { ...STOP, sample_index: 1, samples: 2 }, { arm: 'control', steps: unsure }, { arm: 'control', steps: [SURE_STEP], steps_complete: false },
  ] as const) t.equal(added(changes), NO_CADENCES, JSON.stringify(changes))
  const fold = memoryFold()
  fold.learn(outcomeOf({ ...STOP, generation_id: 'before' }))
  t.equal(fold.state(LEAF).guards.cadences, NO_CADENCES, 'no threshold is in force')
})

t.test('treated workers that ask between checks are detected', async (t) => {
  const fold = certifiedFold()
  for (let i = 0; i < 32; i++) {
    fold.learn(outcomeOf({ generation_id: `early${i}`, u: 0.999, ...STOP, steps_asked: 8, stopped_probe: { tokens: 64 } }), fold.time)
    fold.learn(outcomeOf({ generation_id: `control${i}`, u: 0.001, arm: 'control' }), fold.time)
  }
  t.equal(cadenceOfTreated(fold.state().guards.cadences), 'more')
})
