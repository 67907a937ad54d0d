import t from 'tap'
import { renderEvaluation } from '../../../src/commands/evaluate/render-evaluation.js'
import { CERTIFIED_RULES } from '../../../src/commands/evaluate/certified-rules.js'

const figures = { tokens_saved_ratio: 0.5123, em_drop: -0.0001, worst_em_drop: 0.031, exceeded: 1, certified: 3, splits: 4 }
const rule = (name: string) => ({ name, ...figures })
const rules = [rule('never stop'), rule(CERTIFIED_RULES.raw)]
const text = renderEvaluation({ contexts: [{ key: 'task=a', generations: 9, rules }], total: { generations: 9, rules }, predictors: 4 }, 0.02)

t.equal(text.split('\n').slice(0, 7).join('\n'), `
context  rule                      saved %  EM drop  worst  exceeded  certified
-------------------------------------------------------------------------------
task=a   never stop                   51.2      0.0    3.1    1 of 4
         raw confidence certified     51.2      0.0    3.1    1 of 4     3 of 4
-------------------------------------------------------------------------------
all      never stop                   51.2      0.0    3.1    1 of 4
         raw confidence certified     51.2      0.0    3.1    1 of 4     3 of 4`.slice(1))
t.match(text, /above 2\.0\./)
