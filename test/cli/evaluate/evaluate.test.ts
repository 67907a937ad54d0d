import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { CERTIFIED_RULES, ORACLE } from '../../../src/cli/evaluate/stopping-rules.js'
import { run, usage } from '../../../src/cli/evaluate/evaluate.js'
import { SERVICE } from '../../../src/cli/evaluate/run-evaluation.js'
import { simulatedRuns } from '../../../src/cli/traces/simulated-runs.js'
import { temporaryFolder } from '../../helper.js'
import { captureIo } from '../command-line/captured-io.js'

t.test('it reads traces and prints a table, or figures', async (t) => {
  const folder = await temporaryFolder(t)
  const [file, json] = [join(folder, 'traces.jsonl'), join(folder, 'figures.json')]
  await writeFile(file, simulatedRuns(300, 3).map(({ outcome }) => JSON.stringify(outcome) + '\n').join(''))
  const io = captureIo()
  await run([file, '--levels', 'task', '--runs', '2', '--policy', '{"max_em_drop":0.05}', '--json', json], io)
  t.equal(io.err(), '', 'no warning, since each generation is a group of its own')
  t.match(io.out(), /^context +rule .*\n-+\ntask=choices +never stop +0\.0 .*\n(.*\n)+-+\nall +never stop +0\.0 /)
  t.match(io.out(), `\n              ${SERVICE} `)
  t.match(JSON.parse(await readFile(json, 'utf8')), {
    files: [file], levels: ['task'], max_em_drop: 0.05, runs: 2, contexts: [{ key: 'task=choices' }, { key: 'task=math' }],
  })
})

t.test('it simulates generations if asked, and warns without enough evidence for a predictor', async (t) => {
  const io = captureIo()
  await run(['--simulate', '90', '--runs', '1', '--json', '-'], io)
  t.match(JSON.parse(io.out()), { predictors: 0, files: [] })
  t.match(io.err(), /not enough evidence for a predictor in 1 of 1 splits\n(.*\n)+all +never stop/)
})

t.test('certifying on several generations of a group prints a warning', async (t) => {
  const file = join(await temporaryFolder(t), 'traces.jsonl')
  const grouped = simulatedRuns(300, 3).map(({ outcome }, i) => ({ ...outcome, group_id: `question ${Math.floor(i / 6)}` }))
  await writeFile(file, grouped.map((outcome) => JSON.stringify(outcome) + '\n').join(''))
  const io = captureIo()
  await run([file, '--runs', '1'], io)
  t.match(io.err(), /in model=steady-8b,task=math the \d+ generations to certify on are from \d+ groups, so the certificates/)
})

t.test('the documentation lists every rule and every option by its name', async (t) => {
  const results = await readFile('docs/evidence/savings.md', 'utf8')
  for (const name of [...Object.values(CERTIFIED_RULES), ORACLE.name]) t.match(results, `\n| ${name} |`, name)
  const options = await readFile('docs/integrate/recorded-generations.md', 'utf8')
  for (const [option] of usage.matchAll(/--[a-z-]+/g)) t.match(options, option, option)
})

t.test('a malformed command line is refused', async (t) => {
  const rejects = (args: string[], message: RegExp) => t.rejects(run(args, captureIo()), { name: 'UsageError', message })
  await rejects([], /a FILE of recorded generations, or --simulate/)
  await rejects(['a', '--simulate', '9'], /a FILE of recorded generations, or --simulate/)
  await rejects(['--simulate', '0'], /--simulate must be a whole number/)
  await rejects(['a', '--levels', 'model,model'], /--levels must be different names joined by commas/)
  await rejects(['a', '--levels', ''], /--levels/)
  await rejects(['a', '--policy', '{'], /--policy is not valid JSON/)
  await rejects(['a', '--policy', '{"max_em_drop":2}'], /--policy\/max_em_drop/)
  await rejects(['a', '--policy', '{"certify_at":"user"}'], /--policy\/certify_at must be a context level/)
  await rejects(['a', '--runs', '0'], /--runs/)
  await rejects(['a', '--seed', 'x'], /--seed/)
  await rejects(['a', '--fast'], /--fast/)
})
