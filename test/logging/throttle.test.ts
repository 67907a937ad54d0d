import { spawnSync } from 'node:child_process'
import t from 'tap'
import { throttle } from '../../src/logging/throttle.js'
import { until } from '../helper.js'

const EVERY_MS = 100

t.test('the first event is reported at once, and the rest of a burst together', async (t) => {
  let count = 0
  const said: Array<{ count: number, at: number }> = []
  const tell = throttle(() => {
    said.push({ count, at: performance.now() })
    count = 0
  }, EVERY_MS)
  const happens = () => { count++; tell() }
  for (let i = 0; i < 1000; i++) happens()
  t.match(said, [{ count: 1 }])
  await until('the rest is said', () => said.length === 2)
  t.equal(said[1]!.count, 999)
  happens()
  await until('another is', () => said.length === 3)
  for (const i of [1, 2]) t.ok(said[i]!.at - said[i - 1]!.at > EVERY_MS - 5, 'not before it is time')
})

t.test('the timer does not keep the process alive', async (t) => {
  const url = new URL('../../src/logging/throttle.js', import.meta.url)
  const script = `import { throttle } from ${JSON.stringify(url)}; const tell = throttle(() => console.log('said'), 60_000); tell(); tell()`
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 20_000 })
  t.same([stdout, status], ['said\n', 0])
})
