import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { CERTIFIED_RULES, ORACLE } from '../../../src/cli/evaluate/stopping-rules.js'
import { run, usage, renderEvaluation } from '../../../src/cli/evaluate/evaluate.js'
import { temporaryFolder } from '../../helper.js'
import { tracePath } from '../../test-data.js'
import { captureIo } from '../command-line/captured-io.js'
import { simulatedRuns } from './traces.js'

t.test('it reads traces and writes tables and figures', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'traces.jsonl')
  await writeFile(file, simulatedRuns(300).map(({ outcome }) => JSON.stringify(outcome) + '\n').join(''))
  const json = join(folder, 'figures.json')
  const io = captureIo()
  await run([file, '--levels', 'task', '--splits', '2', '--max-em-drop', '0.05', '--json', json], io)
  t.equal(io.err(), '', 'no warning, since each generation is a group of its own')
  t.match(io.out(), /^context +rule .*\n-+\ntask=choices +never stop +0\.0 .*\n(.*\n)+-+\nall +never stop +0\.0 /)
  t.match(JSON.parse(await readFile(json, 'utf8')), { files: [file], levels: ['task'], at: 1, splits: 2, maxEmDrop: 0.05, contexts: [{ key: 'task=choices' }, { key: 'task=math' }] })

  const quiet = captureIo()
  await run([file, '--splits', '1', '--shares', '1,8,8', '--json', '-'], quiet)
  t.match(JSON.parse(quiet.out()), { predictors: 0 })
  t.match(quiet.err(), /not enough evidence for a predictor in 1 of 1 splits\n(.*\n)+all +never stop/)
})

t.test('certifying on several generations of a group prints a warning', async (t) => {
  const file = join(await temporaryFolder(t), 'traces.jsonl')
  const grouped = simulatedRuns(300).map(({ outcome }, i) => ({ ...outcome, group_id: `question ${Math.floor(i / 6)}` }))
  await writeFile(file, grouped.map((outcome) => JSON.stringify(outcome) + '\n').join(''))
  const io = captureIo()
  await run([file, '--splits', '1'], io)
  t.match(io.err(), /in model=steady-8b,task=math the \d+ generations to certify on are from \d+ groups, so its certificates are too/)
})

t.test('the documentation lists every rule and every option by its name', async (t) => {
  const results = await readFile('docs/evidence/predictors.md', 'utf8')
  for (const name of [...Object.values(CERTIFIED_RULES), ORACLE.name]) t.match(results, `\n| ${name} |`, name)
  const options = await readFile('docs/integrate/traces.md', 'utf8')
  for (const [option] of usage.matchAll(/--[a-z-]+/g)) t.match(options, option, option)
})

t.test('a malformed command line is refused', async (t) => {
  const rejects = (args: string[], message: RegExp) => t.rejects(run(args, captureIo()), { name: 'UsageError', message })
  await rejects([], /at least one FILE/)
  await rejects(['a', '--levels', 'model,model'], /--levels must be different names joined by commas/)
  await rejects(['a', '--levels', ''], /--levels/)
  await rejects(['a', '--at', 'user'], /--at must be one of model, task, not "user"/)
  await rejects(['a', '--max-em-drop', '2'], /--max-em-drop must be a number from/)
  await rejects(['a', '--error-level', '0'], /--error-level/)
  await rejects(['a', '--splits', '0'], /--splits/)
  await rejects(['a', '--shares', '1,1'], /--shares must be three whole numbers/)
  await rejects(['a', '--shares', '1,0,1'], /a share of --shares must be a whole number/)
  await rejects(['a', '--seed', 'x'], /--seed/)
  await rejects(['a', '--fast'], /--fast/)
})

t.test('on real traces a predictor saves as much as documented, within the bound', async (t) => {
  const io = captureIo()
  await run([tracePath('older-self-consistency'), '--levels', 'task', '--splits', '20', '--json', '-'], io)
  for (const { key, rules } of JSON.parse(io.out()).contexts) {
    const { tokens_saved_ratio: saved, exceeded } = rules.find(({ name }: { name: string }) => name === CERTIFIED_RULES.predictor)
    t.ok(saved > (key === 'task=gpqa_diamond' ? 0.655 : 0.574), `${key}: ${(100 * saved).toFixed(1)} %`) // with the length's logarithm 68.9 and 57.2
    t.equal(exceeded, 0, `${key}: the bound is kept in all splits`)
  }
})

const saved = { tokens_saved_ratio: 0.5123, tokens_saved_gross_ratio: 0.55 }
const figures = { ...saved, em_drop: -0.0001, worst_em_drop: 0.031, exceeded: 1, certified: 3, splits: 4 }
const rule = (name: string) => ({ name, ...figures })
const rules = [rule('never stop'), rule(CERTIFIED_RULES.raw)]
const guarantee = { maxEmDrop: 0.02, errorLevel: 0.05 }
const context = { key: 'task=a', generations: 9, generations_to_certify_on: 221.7, groups_to_certify_on: 221.7, rules }
const total = { generations: 9, rules }
const text = renderEvaluation({ contexts: [context], total, predictors: 4 }, guarantee)

t.equal(text.split('\n').slice(0, 7).join('\n'), `
context  rule                      saved %  gross %  EM drop  worst  exceeded  certified
----------------------------------------------------------------------------------------
task=a   never stop                   51.2     55.0      0.0    3.1    1 of 4
         raw confidence certified     51.2     55.0      0.0    3.1    1 of 4     3 of 4
----------------------------------------------------------------------------------------
all      never stop                   51.2     55.0      0.0    3.1    1 of 4
         raw confidence certified     51.2     55.0      0.0    3.1    1 of 4     3 of 4`.slice(1))
t.match(text, /above 2\.0\./)
t.notMatch(text, /Remedies/, 'every rule was certified')

const bare = [rule('never stop'), { ...rule(CERTIFIED_RULES.champion), certified: 0 }]
const many = Array.from({ length: 12 }, (_, i) => ({ ...context, key: `task=${i}`, rules: bare }))
const hinted = renderEvaluation({ contexts: [context, ...many], total, predictors: 4 }, guarantee)
t.match(hinted, /takes 186 generations without any loss \(champion and challenger: 225\)/)
t.match(hinted, /to certify on: task=0 222; (.*; ){8}task=9 222; and 2 more contexts\.\n/)
t.notMatch(hinted, /task=a 222/)
