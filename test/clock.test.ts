import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { driveClock, elapsed, sleep } from './clock.js'

t.test('a driven clock moves only when it is advanced, for timers of all kinds', async (t) => {
  const [start, sinceStart, real] = [1_000_000, performance.now(), elapsed()]
  const ended: string[] = []
  await t.test('driven', async (t) => {
    const clock = driveClock(t, start)
    const before = performance.now()
    setTimeout(() => ended.push('timeout'), 1000)
    delay(2000).then(() => ended.push('promise'))
    const interval = setInterval(() => ended.push('interval'), 900_000)
    await sleep(1)
    t.same([ended, Date.now()], [[], start])
    await clock.advance(1500)
    t.same([ended, Date.now()], [['timeout'], start + 1500])
    await clock.advance(3_600_000 - 1500, 1000)
    t.same(ended, ['timeout', 'promise', 'interval', 'interval', 'interval', 'interval'])
    t.equal(performance.now() - before, 3_600_000)
    clearInterval(interval)
  })
  t.ok(Date.now() > start && performance.now() > sinceStart, 'the machine\'s clock is back')
  t.ok(elapsed() - real < 3_000_000)
  await delay(1)
})
