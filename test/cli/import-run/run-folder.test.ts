import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { filesIn } from '../../../src/cli/import-run/run-folder.js'
import { temporaryFolder } from '../../helper.js'

t.test('a folder yields the files in it that can be read, a file itself', async (t) => {
  const folder = await temporaryFolder(t)
  for (const step of [5, 10]) await mkdir(join(folder, `checkpoint-${step}`))
  const names = ['checkpoint-5/trainer_state.json', 'checkpoint-10/trainer_state.json', 'ckpt-7_2026-01-31T12-00-00.123456.json', 'events.out.tfevents.1', 'events.out.tfevents.2', 'results_2026.json', 'run.jsonl', 'run.jsonl.1']
  for (const name of [...names, 'samples_gsm8k_2026.jsonl', 'config.json', 'model.safetensors']) await writeFile(join(folder, name), '')
  t.same(await filesIn(folder), names.map((name) => join(folder, name)))
  t.same(await filesIn(join(folder, 'config.json')), [join(folder, 'config.json')])
  t.same(await filesIn(join(folder, 'none'), true), [], 'it may appear later')
  await t.rejects(filesIn(join(folder, 'none')), { name: 'FileError', message: /ENOENT/ })
})
