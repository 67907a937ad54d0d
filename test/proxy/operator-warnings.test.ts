import t from 'tap'
import { warnOfContexts, warnOfDoubted, warnOfLevels, warnOfPassed } from '../../src/proxy/operator-warnings.js'

t.test('each cause is warned about once, except those that an operator or client chose', async (t) => {
  const warnings: string[] = []
  const warn = warnOfPassed((message) => { warnings.push(message) })
  for (const cause of ['dialect', 'tools', 'dialect', 'route', 'not_ready', 'service_away'] as const) warn(cause)
  t.match(warnings, [/passed through.*--dialect/, /tools/, /does not answer like its kind/])
  t.equal(warnings.length, 3)
})

t.test('each unknown field is warned about once by its name, however many there are', async (t) => {
  const warnings: string[] = []
  const warn = warnOfPassed((message) => { warnings.push(message) })
  for (const field of ['a', 'b', 'a', 'x'.repeat(100_000)]) warn('unknown_field', field)
  t.match(warnings, [/does not know \(a\)/, /\(b\)/, /\(x+\)/])
  t.ok(warnings.every((warning) => warning.length < 500))
  for (let i = 0; i < 100; i++) warn('unknown_field', `field${i}`)
  t.equal(warnings.length, 20)
})

t.test('each unknown level is warned about once, with the known ones', async (t) => {
  const warnings: string[] = []
  const warn = warnOfLevels((message) => { warnings.push(message) })
  for (const unknown of [['taks'], ['taks', 'lang'], ['lang']]) warn(unknown, ['model', 'task'])
  t.match(warnings, [/level taks .*model, task/, /level lang /])
  t.equal(warnings.length, 2)
})

t.test('each statement that is not believed is warned about once, with the flags that change that', async (t) => {
  const warnings: string[] = []
  const warn = warnOfDoubted((message) => { warnings.push(message) })
  for (let i = 0; i < 100; i++) warn(['X-Stopgate-Gold', `X-Stopgate-Context: level${i}`])
  t.match(warnings[0], /^X-Stopgate-Gold of a client is left out.*--gold.*--trust-clients/)
  t.equal(warnings.length, 20)
})

t.test('names that clients make up do not fill the log', async (t) => {
  let warnings = 0
  const warn = warnOfLevels(() => { warnings++ })
  for (let i = 0; i < 100; i++) warn([`level${i}`], ['model'])
  t.equal(warnings, 20)
})

t.test('each problem of a context is warned about once, with its cure', async (t) => {
  const warnings: string[] = []
  const warn = warnOfContexts((message) => { warnings.push(message) })
  for (const task of ['a', 'a', 'b']) warn('labels_missing', { context: { task } })
  for (const other of ['arm_missing', 'constructor', 7]) warn(other, { context: {} })
  warn('cancelled_high', {})
  t.match(warnings, [/\{"task":"a"\} \(labels_missing\): labels of .*label_advice/, /\{"task":"b"\}/, /cancelled_high/])
  t.equal(warnings.length, 3)
  for (let i = 0; i < 200; i++) warn('cancelled_high', { context: { task: String(i) } })
  t.equal(warnings.length, 100)
})
