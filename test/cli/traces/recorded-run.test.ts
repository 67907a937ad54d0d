import t from 'tap'
import { contextUnder, keyUnder, ranInFull, stoppedAt } from '../../../src/cli/traces/recorded-run.js'
import { recorded } from './recorded.js'

const run = recorded('a', 1, [[0.5, 0], [0.9, 1]], { answer_tokens: 85, context: { task: 'sum', model: 'q', site: 'x' } })

t.strictSame(ranInFull(run), { tokens: 100, probeTokens: 0, em: 1, isStopped: false })
t.strictSame(stoppedAt(run, run.steps[0]!), { tokens: 95, probeTokens: 0, em: 0, isStopped: true }, 'the answer still has to be given')
t.strictSame(stoppedAt(run, run.steps[1]!), { tokens: 100, probeTokens: 0, em: 1, isStopped: true }, 'never more than in full')

t.strictSame(contextUnder(['task'], run), { task: 'sum' }, 'levels that the service lacks are dropped')
t.equal(keyUnder(['model', 'task'], run), 'model=q,task=sum')
t.equal(keyUnder(['region', 'task'], run), 'region=-,task=sum', 'levels that the run lacks are marked as missing')
t.equal(keyUnder([], run), '*')
t.strictSame(contextUnder(['task'], recorded('b', 1, [])), {}, 'a run may have no context')
