import { pino } from 'pino'
import t from 'tap'
import { corruptionReporter } from '../../src/logging/report-corruption.js'

t.test('corruption is logged and counted only where there is any', async (t) => {
  const lines: string[] = []
  const counted: unknown[] = []
  const tell = corruptionReporter(pino({}, { write: (line: string) => { lines.push(line) } }), (...what) => { counted.push(what) })
  tell('pending', 0)
  tell('pending', 2, { ids: ['a', 'b'] })
  t.match(lines.map((line) => JSON.parse(line)), [{ level: 50, what: 'pending', count: 2, ids: ['a', 'b'] }])
  t.same(counted, [['pending', 2]])
})
