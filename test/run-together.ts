import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import t from 'tap'

/**
 * Runs the test files of a folder of `test/` in this process, each after the tests of the one before have ended. Loading the service takes
 * longer than most tests, so they load it once. scripts/test-files.mjs says which folders share a process.
 */
export async function runTogether (folder: string): Promise<void> {
  for (const file of readdirSync(new URL(`./${folder}/`, import.meta.url), { recursive: true, encoding: 'utf8' }).sort()) {
    if (!file.endsWith('.test.js')) continue
    t.comment(`${folder}/${file}`)
    await import(new URL(`./${folder}/${file}`, import.meta.url).href)
    if (!t.idle) await once(t, 'idle')
  }
  // A module that calls the teardown of tap's root test makes it end as soon as no test is running. Later tests would not run, unnoticed.
  if (t.results !== undefined) throw new Error('a test file called the teardown of the root test: call that of a test')
}
