import t from 'tap'
import { summarise, type Trial } from '../../../src/cli/evaluate/summarise.js'

const trial = (tokens: number, emLost: number, isCertified: boolean): Trial => ({ name: 'x', generations: 100, tokens, probeTokens: 10, fullTokens: 1000, emLost, isCertified })

const [summary] = summarise([[trial(500, 2, true)], [trial(600, 3, true)], [trial(1000, -1, false)]], 0.02)
t.match(summary, { name: 'x', exceeded: 1, certified: 2, splits: 3, worst_em_drop: 0.03 })
t.ok(Math.abs(summary!.tokens_saved_ratio - 0.29) < 1e-12, 'net of the probes')
t.ok(Math.abs(summary!.tokens_saved_gross_ratio - 0.3) < 1e-12)
t.ok(Math.abs(summary!.em_drop - 0.04 / 3) < 1e-12, '0.02 is not above 0.02')
t.strictSame(summarise([], 0.02), [])
