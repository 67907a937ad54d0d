import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { replaceFile } from '../../../src/cli/export-run/replace-file.js'
import { temporaryFolder } from '../../helper.js'

t.test('replacing a file leaves no other file in the folder, even after a failure', async (t) => {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'f'), 'old')
  await replaceFile(join(folder, 'f'), 'new')
  t.equal(await readFile(join(folder, 'f'), 'utf8'), 'new')
  await mkdir(join(folder, 'g'))
  await t.rejects(replaceFile(join(folder, 'g'), 'new'), { code: 'EISDIR' })
  t.same((await readdir(folder)).sort(), ['f', 'g'])
})
