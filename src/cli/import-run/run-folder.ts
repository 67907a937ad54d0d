import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FileError } from '../command-line/command-error.js'

/** Names of supported files; run.jsonl.1 is a rotated run.jsonl. */
const NAMES = [/tfevents/, /^results.*\.json$/, /_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d[.\d]*\.json$/, /^trainer_state\.json$/, /\.jsonl(\.\d+)?$/]
/** The single answers of lm-evaluation-harness. */
const OTHERS = /^samples_/
/** Sorts checkpoint-500 before checkpoint-1000, so that newer checkpoints are reported later. */
const { compare } = new Intl.Collator('en', { numeric: true })

/**
 * The file, or the supported files below a folder, sorted by name: the names of event files start with their time.
 * @param mayCome whether a missing file is allowed, since it may still appear
 * @throws FileError
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
