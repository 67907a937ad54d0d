import t from 'tap'
import { ORACLE, plainRules } from '../../../src/cli/evaluate/plain-rules.js'
import { runOf } from './traces.js'

const run = runOf('a', 1, [[0.92, 0, 1], [0.5, 0, 1], [0.91, 1, 2], [0.96, 1, 3], [0.97, 1, 4]])
const tokensOf = (runs: typeof run[]) => Object.fromEntries(plainRules(runs).map(({ name, end }) => [name, end(run).tokens]))

t.strictSame(tokensOf([run]), {
  'never stop': 60,
  'confidence >= 0.90': 10,
  'confidence >= 0.95': 40,
  'confidence >= 0.90, 2 times': 40,
  'confidence >= 0.90, 3 times': 50,
  'same answer 3 times': 40,
  'same answer 5 times': 60,
}, 'a step below the threshold resets the count')
t.notOk('same answer 3 times' in tokensOf([runOf('b', 1, [[0.9, 1]])]), 'the rules for streaks need recorded streaks')
t.equal(ORACLE.end(run).tokens, 30)
