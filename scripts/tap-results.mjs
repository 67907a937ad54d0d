// Reads what tap prints and reports it by test file.
import { Parser } from 'tap-parser'
import { stringify } from 'yaml'

/**
 * @typedef {{ place: string, test: string, details: string }} Failure a failed assertion: its file and line, the titles of its test, and
 *   its diagnostics as YAML
 * @typedef {{ file: string, seconds: number | null, failures: Failure[], isEnded: boolean }} FileResult `seconds` is null for a file that
 *   did not start
 * @typedef {{ seconds: number, passed: number, skipped: string[], files: FileResult[] }} SuiteResult of one process, which runs a test file
 *   or a folder
 */

/** The comments that test/run-together.ts prints before and after each test file of a folder. */
const STARTED = /^# file (\S+)$/
const ENDED = /^# file (\S+) ended after (\d+) ms$/

/**
 * Reads the output of tap until it ends, and calls `onSuite` with the name and `SuiteResult` of each suite as soon as tap prints them.
 * @param stream the output of tap with `--reporter=tap`
 * @param filesOf gives the test files that a suite runs in its process, in their order
 * @param onText takes what is not TAP, such as the output of a crash
 */
export async function readTap (stream, { filesOf, onSuite, onText }) {
  const parser = new Parser()
  const suites = new Map() // by name
  parser.on('child', (child) => { suites.set(child.name, readSuite(child, filesOf(child.name))) })
  parser.on('extra', (text) => { if (text.trim() !== '') onText(text) })
  parser.on('assert', (result) => {
    const suite = suites.get(result.name) ?? { passed: 0, skipped: [], files: filesOf(result.name).map(notStarted) }
    suite.seconds = (result.time ?? 0) / 1000
    const [first] = suite.files
    if (suite.files.length === 1) Object.assign(first, { seconds: suite.seconds, isEnded: true })
    if (!result.ok) blame(suite.files, result)
    onSuite(result.name, suite)
  })
  const ended = new Promise((resolve) => { parser.on('complete', resolve) })
  stream.pipe(parser)
  await ended
}

export const notStarted = (file) => ({ file, seconds: null, failures: [], isEnded: false })

/** Where a process failed without a failed assertion, its running file is to blame, or its last one. */
function blame (files, { diag = {} }) {
  if (files.some(({ failures }) => failures.length > 0)) return
  const running = files.find(({ isEnded }) => !isEnded) ?? files.at(-1)
  const { exitCode, signal, failure } = diag
  running.failures.push({ place: running.file, test: 'its process failed', details: stringify({ failure, exitCode, signal }) })
}

function readSuite (parser, names) {
  const suite = { seconds: 0, passed: 0, skipped: [], files: names.map(notStarted) }
  let current = suite.files[0]
  parser.on('comment', (line) => {
    const [, started] = STARTED.exec(line.trim()) ?? []
    const [, ended, milliseconds] = ENDED.exec(line.trim()) ?? []
    if (started !== undefined) current = suite.files.find(({ file }) => file === started) ?? current
    if (ended !== undefined) Object.assign(current, { seconds: Number(milliseconds) / 1000, isEnded: true })
  })
  readTest(parser, [], (title, result) => {
    if (result.skip) suite.skipped.push(`${current.file}: ${title} (${result.skip === true ? 'it gives no reason' : result.skip})`)
    else if (result.ok) suite.passed++
    else if (!result.todo) current.failures.push(failureOf(current.file, title, result))
  })
  return suite
}

/** Calls `onAssertion` for each assertion of a test and of those inside it, and not for lines that only sum up a test. */
function readTest (parser, titles, onAssertion) {
  const test = { failed: 0 }
  let inner = null // the test that the next line sums up
  parser.on('child', (child) => { inner = readTest(child, [...titles, child.name], onAssertion) })
  parser.on('assert', (result) => {
    const isSum = inner !== null && !result.skip && (result.ok || inner.failed > 0)
    inner = null
    if (!result.ok && !result.todo) test.failed++
    if (!isSum) onAssertion([...titles, result.name].join(' > '), result)
  })
  return test
}

function failureOf (file, test, { diag }) {
  const { at, source, ...details } = diag ?? {}
  const place = at?.fileName === undefined ? file : `${at.fileName.replace(/^file:\/\//, '')}:${at.lineNumber}`
  return { place, test, details: stringify(details, { lineWidth: 0 }) }
}
