import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import t from 'tap'
import { limitSilence, noteFile } from './watch-for-silence.js'

/** Seconds, more than any limit of `until`. */
const LONGEST_SILENCE = 180

/**
 * Runs the test files of a folder of `test/` in this process. Loading the service takes longer than most tests, so they load it once.
 * @param folder `.` for the files directly in `test/`
 */
export async function runTogether (folder: string): Promise<void> {
  limitSilence(LONGEST_SILENCE)
  const recursive = folder !== '.'
  const files = readdirSync(new URL(`./${folder}/`, import.meta.url), { recursive, encoding: 'utf8' })
  await runInTurn(files.filter((file) => file.endsWith('.test.js')).sort().map((file) => recursive ? `${folder}/${file}` : file))
}

/** Runs test files in this process, each after the tests of the one before have ended. @param files relative to `test/` */
export async function runInTurn (files: readonly string[]): Promise<void> {
  for (const file of files) {
    // scripts/tap-results.mjs reads these comments.
    const path = `dist/tests/test/${file}`
    noteFile(path)
    t.comment(`file ${path}`)
    const start = performance.now()
    await import(new URL(`./${file}`, import.meta.url).href)
    if (!t.idle) await once(t, 'idle')
    t.comment(`file ${path} ended after ${Math.round(performance.now() - start)} ms`)
  }
  // A module that calls the teardown of tap's root test makes it end as soon as no test is running. Later tests would not run, unnoticed.
  if (t.results !== undefined) throw new Error('a test file called the teardown of the root test: call that of a test')
}
