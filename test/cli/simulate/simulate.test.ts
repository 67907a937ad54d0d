import t from 'tap'
import { readRecordedRun } from '../../../src/cli/traces/read-traces.js'
import { run, simulateOutcomes } from '../../../src/cli/simulate/simulate.js'
import { PROFILES } from '../../../src/cli/simulate/simulated-generation.js'
import { captureIo } from '../command-line/captured-io.js'

async function output (...args: string[]) {
  const io = captureIo()
  await run(args, io)
  return io.out()
}

t.test('it writes traces that replay can read', async (t) => {
  const lines = (await output('--generations', '9')).trimEnd().split('\n')
  const runs = lines.map((line, i) => readRecordedRun(`line ${i}`, line))
  t.equal(runs.length, 9)
  t.strictSame(runs.slice(0, 3).map(({ outcome }) => outcome.context), PROFILES.map(({ context }) => context), 'the contexts in turn')
  t.notMatch(lines[0], /chance/, 'the true chances are not written')
})

t.test('the seed decides the traces', async (t) => {
  const [one, again, other] = [await output('--generations', '5'), await output('--generations', '5', '--seed', '1'), await output('--generations', '5', '--seed', '2')]
  t.equal(one, again)
  t.not(one, other)
  t.strictSame([...simulateOutcomes(PROFILES, 5, 1)], [...simulateOutcomes(PROFILES, 9, 1)].slice(0, 5), 'a longer list begins with the same generations')
})

t.test('--em-drop adds a context with a planted drop', async (t) => {
  t.notMatch(await output('--generations', '4'), 'planted')
  t.match(await output('--generations', '4', '--em-drop', '0.025'), /"model":"planted"/)
})

t.test('--truth prints the true effects instead', async (t) => {
  const text = await output('--truth', '--em-drop', '0.025')
  t.match(text, /^model=bold-8b,task=math: true effects/m)
  const planted = text.slice(text.indexOf('model=planted'))
  t.equal(planted.match(/^ +0\.\d{4} +2\.50 +0\.00 /gm)?.length, 30, 'exactly 2.5 points at every threshold')
})

t.rejects(output('traces.jsonl'), { name: 'UsageError', message: /takes no file/ })
t.rejects(output('--em-drop', '2'), { name: 'UsageError', message: /--em-drop/ })
