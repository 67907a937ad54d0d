import t from 'tap'
import { PASS_CAUSES, passWarner } from '../../src/proxy/pass-cause.js'

t.equal(new Set(PASS_CAUSES).size, PASS_CAUSES.length, 'no cause is listed twice')

t.test('a cause that can be remedied is told once, others are not', async (t) => {
  const told: string[] = []
  const warn = passWarner((message) => { told.push(message) })
  for (const cause of ['dialect', 'tools', 'dialect', 'route', 'not_ready', 'service_away'] as const) warn(cause)
  t.match(told, [/passed through.*--dialect/, /does not answer as its kind/])
  t.equal(told.length, 2)
})
