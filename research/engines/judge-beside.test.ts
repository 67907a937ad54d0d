import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import t from 'tap'
import { temporaryFolder } from '../../test/helper.js'
import { startJudge } from './judge-beside.js'
import { PYTHON } from './start-engine.js'
import type { ModelName } from './play-transformers.js'

const withoutPython = !existsSync(PYTHON) && 'npm run test:python makes the environment'
const OPTIONS = { url: 'no URL', model: 'single' as const, tasks: ['add'], generations: 10, seed: 1, wrong: 0 }

t.test('a judge that cannot start is an error', { skip: withoutPython }, async (t) => {
  const folder = await temporaryFolder(t)
  await t.rejects(startJudge({ ...OPTIONS, folder, model: 'unknown' as ModelName }), { message: /^the judge ended with 2 / })
})

t.test('a grader that has ended without counts is an error', { skip: withoutPython }, async (t) => {
  const judge = await startJudge({ ...OPTIONS, folder: await temporaryFolder(t) })
  t.teardown(judge.kill)
  await t.rejects(judge.end(), { message: /^a grader ended without its counts/ })
})

t.test('a prompt that contains another one keeps its own answer', { skip: spawnSync('python3', ['-V']).error !== undefined }, async (t) => {
  const code = `
import types, gold_judge
def content(left, right):
    return f"You compare.\\n\\n#1# task\\n1 + 2 + 4\\n#1# left answer\\n{left}\\n#1# right answer\\n{right}\\n#1# end\\n\\nReply with one word."
gold = {"1 + 2": "3", "1 + 2 + 4": "7"}
spec = types.SimpleNamespace(extract=str.strip)
print(*(gold_judge.side_of(spec, gold, content(*pair)) for pair in (("7", "3"), ("3", "3"), ("(no answer)", "3"))))`
  t.equal(execFileSync('python3', ['-c', code], { cwd: 'research/engines', encoding: 'utf8' }), 'left tie right\n')
})
