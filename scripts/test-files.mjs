// The test files that tap runs. A folder says how a test file runs:
//   test/slow, research   in npm run test:slow, each in a process of its own
//   any other of test/    in npm test, in one process with the others of its folder, which loads the service once;
//                         so do the files that are directly in test/
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const TESTS = 'dist/tests/test'
const RESEARCH = 'dist/tests/research'
const TOGETHER = 'dist/tests/shared'
const SLOW = 'slow'

const isTest = (file) => file.endsWith('.test.js')
const testsIn = (folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(isTest).sort().map((file) => join(folder, file))

/**
 * Writes a file that runs the tests of a folder of test/ in one process.
 * @param folder '.' for the files directly in test/
 * @returns its path
 */
export function together (folder, name = folder) {
  mkdirSync(TOGETHER, { recursive: true })
  const path = `${TOGETHER}/${name}.test.js`
  writeFileSync(path, `import { runTogether } from '../test/run-together.js'\n\nawait runTogether('${folder}')\n`)
  return path
}

/** The files of npm test. */
export function quickTests () {
  const entries = readdirSync(TESTS, { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory() && entry.name !== SLOW)
    .map(({ name }) => ({ folder: name, name, count: testsIn(join(TESTS, name)).length }))
  folders.push({ folder: '.', name: 'top', count: entries.filter(({ name }) => isTest(name)).length })
  // tap starts files in the order of their names. The largest folders take longest, so they come first.
  folders.sort((a, b) => b.count - a.count)
  return folders.filter(({ count }) => count > 0).map(({ folder, name }, i) => together(folder, `${String(i + 1).padStart(2, '0')}-${name}`))
}

/** The files of npm run test:slow. */
export function slowTests () {
  return [...testsIn(join(TESTS, SLOW)), ...testsIn(RESEARCH)]
}
