import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { bytesOf } from '../../../src/cli/import-run/bytes-of.js'
import { temporaryFolder } from '../../helper.js'

t.test('it reads at most what is there', async (t) => {
  const path = join(await temporaryFolder(t), 'f')
  await writeFile(path, 'abcdef')
  const from = async (offset: number, most: number) => (await bytesOf(path, offset, most)).toString()
  t.equal(await from(0, 100), 'abcdef')
  t.equal(await from(2, 3), 'cde')
  t.equal(await from(6, 1), '')
  t.equal(await from(9, 1), '', 'nothing beyond the end of a file that was truncated')
})
