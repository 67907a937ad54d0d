import t from 'tap'
import { warnOfLevels, warnOfPassed } from '../../src/proxy/operator-warnings.js'

t.test('a cause with a remedy is warned about once, others are not', async (t) => {
  const warnings: string[] = []
  const warn = warnOfPassed((message) => { warnings.push(message) })
  for (const cause of ['dialect', 'tools', 'dialect', 'route', 'not_ready', 'service_away'] as const) warn(cause)
  t.match(warnings, [/passed through.*--dialect/, /does not answer like its kind/])
  t.equal(warnings.length, 2)
})

t.test('each unknown level is warned about once, with the known ones', async (t) => {
  const warnings: string[] = []
  const warn = warnOfLevels((message) => { warnings.push(message) })
  for (const unknown of [['taks'], ['taks', 'lang'], ['lang']]) warn(unknown, ['model', 'task'])
  t.match(warnings, [/level taks .*model, task/, /level lang /])
  t.equal(warnings.length, 2)
})

t.test('names that clients make up do not fill the log', async (t) => {
  let warnings = 0
  const warn = warnOfLevels(() => { warnings++ })
  for (let i = 0; i < 100; i++) warn([`level${i}`], ['model'])
  t.equal(warnings, 20)
})
