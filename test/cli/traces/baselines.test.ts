import t from 'tap'
import { BASELINES } from '../../../src/cli/traces/baselines.js'
import { recorded } from './recorded.js'

const { never_stop: never, fixed_threshold: fixed, best_possible: best } = BASELINES

const lost = recorded('lost', 1, [[0.6, 0], [0.95, 0], [0.99, 1]])
t.strictSame(never(lost), { tokens: 100, probeTokens: 0, em: 1, isStopped: false })
t.strictSame(fixed(lost), { tokens: 20, probeTokens: 0, em: 0, isStopped: true }, 'stops at 0.95 exactly, and loses')
t.strictSame(best(lost), { tokens: 30, probeTokens: 0, em: 1, isStopped: true }, 'waits for the first right step')

const gained = recorded('gained', 0, [[0.2, 0], [0.99, 1]])
t.strictSame(fixed(gained), { tokens: 20, probeTokens: 0, em: 1, isStopped: true })
t.strictSame(best(gained), { tokens: 10, probeTokens: 0, em: 0, isStopped: true }, 'the earliest that is no worse than the full run, not the best')

const unsure = recorded('unsure', 1, [[0.9499, 1], [0.3, 0]])
t.strictSame(fixed(unsure), { tokens: 100, probeTokens: 0, em: 1, isStopped: false }, 'never sure enough: in full')
t.strictSame(best(recorded('late', 1, [[0.5, 0]])), { tokens: 100, probeTokens: 0, em: 1, isStopped: false }, 'never right before the end: in full')
t.strictSame(best(recorded('silent', 1, [])), { tokens: 100, probeTokens: 0, em: 1, isStopped: false }, 'never asked: in full')
