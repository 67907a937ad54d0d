import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FileError } from '../command-line/command-error.js'

/** What training stacks call what can be read; run.jsonl.1 is what a rotation makes of run.jsonl. */
const NAMES = [/tfevents/, /^results.*\.json$/, /_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d[.\d]*\.json$/, /^trainer_state\.json$/, /\.jsonl(\.\d+)?$/]
/** Of lm-evaluation-harness: the single answers. */
const OTHERS = /^samples_/
/** checkpoint-500 before checkpoint-1000, so that what is newer is reported later. */
const { compare } = new Intl.Collator('en', { numeric: true })

/**
 * A file, or those below a folder that can be read, by name: event files are numbered by the time they were begun.
 * @param mayCome what is not there yet is no error
 * @throws ImportError
 */
export async function filesIn (path: string, mayCome = false): Promise<string[]> {
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (mayCome && error.code === 'ENOENT') return null
    throw new FileError(`${path}: ${error.message}`)
  })
  if (status === null) return []
  if (!status.isDirectory()) return [path]
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && NAMES.some((name) => name.test(entry.name)) && !OTHERS.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name)).sort(compare)
}
