import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { watchFiles } from '../../../src/service/config/watched-files.js'
import { ConfigError } from '../../../src/settings/environment.js'
import { temporaryFolder, until } from '../../helper.js'

// Of tokens and of certificates, in access.test.ts and listener-tls.test.ts, all the rest.

t.test('files are applied together when one changes or the last attempt failed', async (t) => {
  const folder = await temporaryFolder(t)
  const [a, b] = [join(folder, 'a'), join(folder, 'b')]
  const put = async (path: string, text: string) => { await writeFile(`${path}.new`, text); await rename(`${path}.new`, path) }
  await put(a, 'a1')
  await put(b, 'b1')
  const taken: string[] = []
  let isBroken = false
  const watched = watchFiles({
    files: [{ setting: 'A', path: a, holds: 'an a' }, { setting: 'B', path: b, holds: 'a b' }],
    pollSeconds: 0.01,
    log: pino({ level: 'silent' }),
    what: 'letters',
    take (texts) {
      if (isBroken) throw new ConfigError('broken')
      taken.push(texts.join())
      return {}
    },
  })
  t.teardown(watched.close)
  t.same(taken, ['a1,b1'])
  await put(b, 'b2')
  await until('the new one is in force', () => taken.length === 2)
  isBroken = true
  await put(a, 'a2')
  await until('it is refused', () => watched.problem() === 'broken')
  isBroken = false
  await until('it is tried again, though nothing changed', () => watched.problem() === null)
  t.same(taken, ['a1,b1', 'a1,b2', 'a2,b2'])
  t.throws(() => watchFiles({ files: [{ setting: 'C', path: join(folder, 'c'), holds: 'a c' }], pollSeconds: 1, log: pino({ level: 'silent' }), what: '', take: () => ({}) }),
    { name: 'ConfigError', message: 'C cannot be read (ENOENT): set it to the path of a c' })
})
