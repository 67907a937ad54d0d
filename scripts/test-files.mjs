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

export const isTest = (file) => file.endsWith('.test.js')
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

/**
 * The suites of npm test: the files for tap, each with the compiled test files that it runs in its process.
 * @returns {Map<string, string[]>}
 */
export function quickTests () {
  const entries = readdirSync(TESTS, { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory() && entry.name !== SLOW)
    .map(({ name }) => ({ folder: name, name, files: testsIn(join(TESTS, name)) }))
  folders.push({ folder: '.', name: 'top', files: entries.filter(({ name }) => isTest(name)).map(({ name }) => join(TESTS, name)) })
  // tap starts files in the order of their names. The largest folders take longest, so they come first.
  folders.sort((a, b) => b.files.length - a.files.length)
  return new Map(folders.filter(({ files }) => files.length > 0)
    .map(({ folder, name, files }, i) => [together(folder, `${String(i + 1).padStart(2, '0')}-${name}`), files]))
}

/** The suites of npm run test:slow, each of one file. @returns {Map<string, string[]>} */
export function slowTests () {
  return new Map([...testsIn(join(TESTS, SLOW)), ...testsIn(RESEARCH)].map((file) => [file, [file]]))
}

/**
 * The suites that are named: test files such as `test/app/cors.test.ts`, and folders of `test/` such as `test/app`.
 * @param {string[]} names
 * @returns {Map<string, string[]>}
 */
export function namedTests (names) {
  return new Map(names.map((name) => {
    const path = name.replace(/^(?:\.\/)?(.*?)\/?$/, 'dist/tests/$1').replace(/\.ts$/, '.js')
    if (isTest(path)) return [path, [path]]
    const folder = path.replace(`${TESTS}/`, '')
    return [together(folder), testsIn(path)]
  }))
}
