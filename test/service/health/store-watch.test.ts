import { pino } from 'pino'
import t from 'tap'
import { watchStore } from '../../../src/service/health/store-watch.js'
import { until } from '../../helper.js'

t.test('each problem of the store is logged once, and named when it is over', async (t) => {
  const said: string[] = []
  const log = pino({}, { write (line) { said.push(JSON.parse(line).msg) } })
  let warnings = ['the disk is full', 'too few replicas']
  let looks = 0
  const watch = watchStore({ store: { warnings: async () => { looks++; return warnings } }, log, everyMs: 1 })
  t.teardown(() => { watch.close() })
  await until('it has looked often', () => looks > 3)
  warnings = ['too few replicas']
  await until('it is over', () => said.length > 2)
  t.same(said, ['the disk is full', 'too few replicas', 'this problem of the store is over: the disk is full'])
})

t.test('a look that takes long is not joined by others', async (t) => {
  let [looks, open, most] = [0, 0, 0]
  const warnings = async () => {
    looks++
    most = Math.max(most, ++open)
    await new Promise((resolve) => { setTimeout(resolve, 20) })
    open--
    return []
  }
  const watch = watchStore({ store: { warnings }, log: pino({ level: 'silent' }), everyMs: 1 })
  t.teardown(() => { watch.close() })
  await until('it has looked again', () => looks > 2)
  t.equal(most, 1)
})
