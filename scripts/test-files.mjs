// The test files that tap runs, each in a process of its own. A folder says how a test file runs:
//   test/slow, research   in npm run test:slow
//   test/faults           in a process of its own, since it starts and kills services
//   any other of test/    in one process with the others of its folder, which loads the service once
// A file that is directly in test/ has a process of its own.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const TESTS = 'dist/tests/test'
const RESEARCH = 'dist/tests/research'
// tap starts files in the order of their names: these take longest, so they come first.
const TOGETHER = 'dist/tests/shared'
const APART = ['faults', 'slow']

const isTest = (file) => file.endsWith('.test.js')
const testsIn = (folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(isTest).sort().map((file) => join(folder, file))

/** Writes a file that runs the tests of a folder of test/ in one process. @returns its path */
export function together (folder) {
  mkdirSync(TOGETHER, { recursive: true })
  const path = `${TOGETHER}/${folder}.test.js`
  writeFileSync(path, `import { runTogether } from '../test/run-together.js'\n\nawait runTogether('${folder}')\n`)
  return path
}

/** The files of npm test. */
export function quickTests () {
  const entries = readdirSync(TESTS, { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory() && !APART.includes(entry.name))
  const shared = folders.filter(({ name }) => testsIn(join(TESTS, name)).length > 0)
  const single = entries.filter(({ name }) => isTest(name))
  return [...shared.map(({ name }) => together(name)), ...testsIn(join(TESTS, 'faults')), ...single.map(({ name }) => join(TESTS, name))]
}

/** The files of npm run test:slow. */
export function slowTests () {
  return [...testsIn(join(TESTS, 'slow')), ...testsIn(RESEARCH)]
}
