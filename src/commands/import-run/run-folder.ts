import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ImportError } from './record-file.js'

/** What training stacks call what can be read. */
const NAMES = [/tfevents/, /^results.*\.json$/, /^trainer_state\.json$/, /\.jsonl$/]
/** Of lm-evaluation-harness: the single answers. */
const OTHERS = /^samples_/

/** A file, or those below a folder that can be read, by name: event files are numbered by the time they were begun. @throws ImportError */
export async function filesIn (path: string): Promise<string[]> {
  const status = await stat(path).catch((error: Error) => { throw new ImportError(`${path}: ${error.message}`) })
  if (!status.isDirectory()) return [path]
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && NAMES.some((name) => name.test(entry.name)) && !OTHERS.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name)).sort()
}
