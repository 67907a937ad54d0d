import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { run, MODELS, REPLACEMENT, renderEvent, renderSummary } from '../../../src/cli/demo/demo.js'
import { startTemporaryService } from '../../../src/cli/command-line/temporary-service.js'
import { cli } from '../../service-process.js'
import { captureIo } from '../command-line/captured-io.js'
import { truthOf } from '../../simulated-truth.js'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'
import { EMPTY_SCORE } from '../../../src/cli/demo/demo-fleet.js'

t.test('the demo names its page, and an interrupt ends it with a summary', async (t) => {
  const child = spawn(process.execPath, [cli, 'demo', '--port', '0', '--width', '8'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const ended = once(child, 'exit')
  const lines: string[] = []
  for await (const line of createInterface(child.stdout)) {
    lines.push(line)
    if (line.startsWith('Watch it')) {
      const [url] = /http:\/\/127\.0\.0\.1:\d+\//.exec(line)!
      t.equal((await fetch(`${url}livez`)).status, 200)
      child.kill('SIGINT')
    }
  }
  t.strictSame(await ended, [0, null])
  t.match(lines.join('\n'), /All models: \d+ generations/)
})

t.test('bad flags and a port that is in use are refused', async (t) => {
  const io = captureIo()
  const handlers = process.listenerCount('SIGINT')
  await t.rejects(run(['x'], io), { name: 'UsageError', message: /takes no arguments/ })
  await t.rejects(run(['--width', '0'], io), { name: 'UsageError', message: /--width must be/ })
  const taken = await startTemporaryService('taken', { LOG_LEVEL: 'silent', PORT: '0' })
  t.teardown(() => taken.close())
  await t.rejects(run(['--port', new URL(taken.url).port], io), { name: 'CommandError', message: /PORT \d+ is in use/ })
  t.equal(process.listenerCount('SIGINT'), handlers, 'no handler is left')
})

t.test('a threshold that is safe for the first model is not after its replacement, and a stricter one is', async (t) => {
  t.same(REPLACEMENT.context, MODELS[0]!.context)
  const [before, after] = [MODELS[0]!, REPLACEMENT].map((profile) => truthOf(profile, 4000, seededRandom(1)))
  const safe = before!.findLast(({ em_drop: drop }) => drop < 0.02)!
  t.ok(safe.tokens_saved_ratio > 0.4)
  t.ok(after!.find(({ threshold }) => threshold === safe.threshold)!.em_drop > 0.1)
  t.ok(after!.some(({ em_drop: drop, tokens_saved_ratio: saved }) => drop < 0.01 && saved > 0.3))
})

const score = { generations: 2000, control: 1000, treated: 1000, fullTokens: 200, tokens: 150, lost: 12 }
const changed = (change: { cause: 'evidence' | 'drift', before: number | null, after: number | null }) =>
  renderEvent({ type: 'changed', change: { key: 'model=m', ...change }, generations: 1234 }, 65.9)

t.test('each event is printed on one line, with the time', async (t) => {
  t.equal(renderEvent({ type: 'progress', score }, 5), '  0:05  2,000 generations, 25.0 % of the tokens saved\n')
  t.equal(changed({ cause: 'evidence', before: null, after: 0.98 }), '  1:05  model=m: certified after 1,234 generations: stop at a score of 0.9800\n')
  t.match(changed({ cause: 'evidence', before: 0.98, after: 0.97 }), 'looser, stop at 0.9700')
  t.match(changed({ cause: 'evidence', before: 0.97, after: 0.98 }), 'stricter')
  t.match(changed({ cause: 'evidence', before: 0.97, after: null }), 'withdrawn (evidence)')
  t.match(changed({ cause: 'drift', before: 0.97, after: null }), 'ALARM (drift)')
  t.match(renderEvent({ type: 'replaced', key: 'model=m' }, 0), 'the model is replaced')
})

t.test('the summary has a row for each part that was reached, and compares the true EM drop with the bound', async (t) => {
  const first = { learning: { ...score, treated: 29 }, certified: score, drifted: score, relearning: EMPTY_SCORE, recertified: score }
  const whole = renderSummary({ first, total: score, certifiedSeconds: 7.4, part: 'recertified' }, 'model=m', 0.02)
  t.match(whole, /certified again +2,000 +1,000 +25\.0 % +1\.20 points/)
  t.match(whole, /until the first certificate .* -\n/, 'of so few treated generations an EM drop says nothing')
  t.match(whole, 'First certificate of model=m: after 2,000 generations, 7 s.')
  t.match(whole, 'Under a certificate for the same model: true EM drop 1.20 points, allowed 2.00 points.')
  t.notMatch(whole, 'may be wrong')
  t.match(renderSummary({ first, total: score, certifiedSeconds: 7.4, part: 'recertified' }, 'model=m', 0.01), 'allowed 1.00 points.\nMore than allowed: certified, certified again. One certificate in twenty may be wrong')
  const oneOver = { ...first, certified: { ...score, lost: 20.2 } }
  t.match(renderSummary({ first: oneOver, total: score, certifiedSeconds: 7.4, part: 'recertified' }, 'model=m', 0.02), 'true EM drop 1.61 points, allowed 2.00 points.\nMore than allowed: certified. One certificate')
  t.match(whole, 'The replacement was detected after 2,000 generations, 1,000 of them control; until then its true EM drop was 1.20 points, which no certificate covers.')
  const short = renderSummary({ first: { ...first, certified: EMPTY_SCORE, recertified: EMPTY_SCORE }, total: score, certifiedSeconds: Infinity, part: 'learning' }, 'model=m', 0.02)
  t.notMatch(short, /certified again|First certificate|Under a certificate|was detected after/)
})
