import t from 'tap'
import { renderEvaluation } from '../../../src/cli/evaluate/render-evaluation.js'
import { SERVICE } from '../../../src/cli/evaluate/run-evaluation.js'
import { CERTIFIED_RULES } from '../../../src/cli/evaluate/stopping-rules.js'

const saved = { tokens_saved_ratio: 0.5123, tokens_saved_gross_ratio: 0.55 }
const figures = { ...saved, em_drop: -0.0001, worst_em_drop: 0.031, exceeded: 1, certified: 3, splits: 4 }
const rule = (name: string) => ({ name, ...figures })
const rules = [rule('never stop'), rule(CERTIFIED_RULES.raw), rule(SERVICE)]
const plan = { levels: ['task'], max_em_drop: 0.02, error_level: 0.05, runs: 4, seed: 1, predictors: 4 }
const context = { key: 'task=a', generations: 9, generations_to_certify_on: 221.7, groups_to_certify_on: 221.7, first_certificate_after: 203, rules }
const total = { generations: 9, rules }
const text = renderEvaluation({ ...plan, contexts: [context], total })

t.equal(text.split('\n').slice(0, 9).join('\n'), `
context  rule                      saved %  gross %  EM drop  worst  exceeded  certified
----------------------------------------------------------------------------------------
task=a   never stop                   51.2     55.0      0.0    3.1    1 of 4
         raw confidence certified     51.2     55.0      0.0    3.1    1 of 4     3 of 4
         stopgate, learning           51.2     55.0      0.0    3.1    1 of 4     3 of 4
----------------------------------------------------------------------------------------
all      never stop                   51.2     55.0      0.0    3.1    1 of 4
         raw confidence certified     51.2     55.0      0.0    3.1    1 of 4     3 of 4
         stopgate, learning           51.2     55.0      0.0    3.1    1 of 4     3 of 4`.slice(1))
t.match(text, /above 2\.0\./)
t.match(text, /before the first certificate of stopgate, learning: task=a 203\.\n/)
t.notMatch(text, /Remedies/, 'every rule was certified')

const bare = [rule('never stop'), { ...rule(CERTIFIED_RULES.raw), certified: 0 }]
const many = Array.from({ length: 12 }, (_, i) => ({ ...context, key: `task=${i}`, first_certificate_after: null, rules: bare }))
const hinted = renderEvaluation({ ...plan, contexts: [context, ...many], total })
t.match(hinted, /takes 186 generations without any loss, and more/)
t.match(hinted, /to certify on: task=0 222; (.*; ){8}task=9 222; and 2 more contexts\.\n/)
t.notMatch(hinted, /task=a 222/)
