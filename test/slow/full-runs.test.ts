import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { runInTurn } from '../run-together.js'

// Random tests of npm test that draw more here.

process.env.FULL_RUNS = 'true'

const TESTS = new URL('../', import.meta.url)
const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.js') && !file.startsWith('slow/') && readFileSync(new URL(file, TESTS), 'utf8').includes('numRuns('))

t.ok(files.length > 10, `${files.length} files`)
await runInTurn(files.sort())
