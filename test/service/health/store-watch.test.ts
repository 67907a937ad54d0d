import { pino } from 'pino'
import t from 'tap'
import { watchStore } from '../../../src/service/health/store-watch.js'
import { driveClock } from '../../clock.js'

t.test('each problem of the store is logged once, and named when it is over', async (t) => {
  const said: string[] = []
  const log = pino({}, { write (line) { said.push(JSON.parse(line).msg) } })
  let warnings = ['the disk is full', 'too few replicas']
  const clock = driveClock(t)
  const watch = watchStore({ store: { warnings: async () => warnings }, log, everyMs: 10 })
  t.teardown(() => { watch.close() })
  await clock.advance(50, 10)
  t.same(said, ['the disk is full', 'too few replicas'])
  warnings = ['too few replicas']
  await clock.advance(50, 10)
  t.same(said, ['the disk is full', 'too few replicas', 'this problem of the store is over: the disk is full'])
})

t.test('a look that takes long is not joined by others', async (t) => {
  const clock = driveClock(t)
  let looks = 0
  let end = (_warnings: string[]) => {}
  const warnings = () => { looks++; return new Promise<string[]>((resolve) => { end = resolve }) }
  const watch = watchStore({ store: { warnings }, log: pino({ level: 'silent' }), everyMs: 10 })
  t.teardown(() => { watch.close() })
  await clock.advance(1000, 10)
  t.equal(looks, 1)
  end([])
  await clock.advance(9)
  t.equal(looks, 1)
  await clock.advance(1)
  t.equal(looks, 2)
})
