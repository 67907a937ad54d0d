import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { startUnderTest } from '../../proxy/proxy-under-test.js'

const PYTHON = 'clients/python/.venv/bin/python'
const REMEDY = 'the agent framework is not tested here: run npm run test:python once, then clients/python/.venv/bin/pip install openai-agents'
const isInstalled = spawnSync(PYTHON, ['-c', 'import agents']).status === 0
const skip = isInstalled || process.env.CI ? false : REMEDY
if (skip !== false) console.error(`SKIPPED: ${skip}`)

t.test("OpenAI's Agents SDK needs only another base URL; with tools it is passed through", { skip }, async (t) => {
  const { proxy, treated, metric } = await startUnderTest(t, { pauseAt: 40, confidence: () => 0.95 })
  const { stdout } = await promisify(execFile)(PYTHON, ['test/slow/proxy/agent.py', proxy.url, JSON.stringify(treated)])
  t.same(JSON.parse(stdout), ['42', '42', true, '42'])
  t.equal(await metric('stopgate_proxy_generations_total{arm="treated",end="stopped"}'), 2)
  t.equal(await metric('stopgate_proxy_passed_total{cause="tools"}'), 1)
})
