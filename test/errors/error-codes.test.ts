import { readdir, readFile } from 'node:fs/promises'
import t from 'tap'
import { ERROR_CODES, isOurs } from '../../src/errors/error-codes.js'

t.test('every error is listed, and all are declared in one file', async (t) => {
  const declared = [...(await readFile('src/errors/errors.ts', 'utf8')).matchAll(/createError(?:<.*>)?\('(\w+)'/g)].map(([, code]) => code)
  t.same(ERROR_CODES.map(({ code }) => code), declared.sort())
  for (const name of await readdir('src', { recursive: true })) {
    if (name.endsWith('.ts') && name !== 'errors/errors.ts') t.notMatch(await readFile(`src/${name}`, 'utf8'), /createError\(|code: '[A-Z]/, name)
  }
  t.ok(isOurs('INTERNAL'))
  for (const code of ['FST_ERR_BAD_URL', undefined]) t.notOk(isOurs(code))
})
