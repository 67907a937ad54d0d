import t from 'tap'
import { warnOnce } from '../../src/proxy/warn-once.js'

t.test('each subject is warned about once, up to a limit', async (t) => {
  const told: string[] = []
  const warn = warnOnce<string>((message) => { told.push(message) }, 2)
  for (const about of ['a', 'b', 'a', 'c', 'b']) warn(about, `about ${about}`)
  t.same(told, ['about a', 'about b'])
})
