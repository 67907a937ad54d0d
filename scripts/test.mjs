// npm test: lint, types and the tests that every change must pass. Names of test files and folders replace these tests; other arguments go
// to tap. npm run test:slow: the other tests, which take longer.
// With CI=true, a skipped test counts as failed, and a file that fails is run once more, alone, when all others have ended: see "A red
// gate" in CONTRIBUTING.md. What tap prints goes to dist/tests/results/{quick,slow}.tap, and the results to .json beside it.
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { start } from './run-program.mjs'
import { isRed, settle } from './settle.mjs'
import { notStarted, readTap } from './tap-results.mjs'
import { namedTests, quickTests, slowTests } from './test-files.mjs'

const isInCi = process.env.CI === 'true'
const isSlow = process.argv[2] === '--slow'
const words = process.argv.slice(isSlow ? 3 : 2)
const isPath = (word) => /^(?:\.\/)?(?:test|research)\//.test(word)
const named = words.filter(isPath)
const args = words.filter((word) => !isPath(word))

const print = (text) => process.stdout.write(`${text}\n`)
/** The source of a compiled test file, such as test/app/cors.test.ts. */
const sourceOf = (file) => file.replace(/^dist\/tests\//, '').replace(/\.js$/, '.ts')

// ESLint uses one core, and many tests leave cores idle while they wait.
const lint = isSlow || named.length > 0 ? null : start('npm', ['run', '--silent', 'lint'])
const compiled = await start(process.execPath, ['scripts/compile.mjs']).status
const RESULTS = `dist/tests/results/${isSlow ? 'slow' : 'quick'}`
mkdirSync('dist/tests/results', { recursive: true })
const tapLog = createWriteStream(`${RESULTS}.tap`)

const results = compiled === 0 ? await runAll() : { passed: 0, failures: [failure('the compiler', 'it found errors, see above')], unsteady: [], slowest: [] }
if (await lint?.status) results.failures.push(failure('ESLint', 'it found problems: npm run lint shows them'))
if (results.passed === 0 && results.failures.length === 0) results.failures.push(failure('tap', 'no test ran'))
writeFileSync(`${RESULTS}.json`, JSON.stringify(results))
printSummary(results)
process.exit(results.failures.length === 0 ? 0 : 1)

/** @returns passed assertions, failures that stand, unsteady files, and the slowest files */
async function runAll () {
  const first = await run(named.length > 0 ? namedTests(named) : isSlow ? slowTests() : quickTests())
  const red = first.files.filter(isRed)
  const { standing, unsteady, passed } = isInCi ? await settle(red, runAgain, wasExcused) : { standing: red, unsteady: [], passed: 0 }
  const ran = first.files.filter(({ seconds }) => seconds !== null).sort((a, b) => b.seconds - a.seconds)
  return {
    passed: first.passed + passed,
    failures: standing.flatMap(failuresOf),
    unsteady: unsteady.map(sourceOf),
    slowest: ran.slice(0, 10).map(({ file, seconds }) => ({ file: sourceOf(file), seconds })),
  }
}

function runAgain (files) {
  print(`\nRunning again, alone: ${files.map(sourceOf).join(', ')}`)
  return run(new Map(files.map((file) => [file, [file]])), ['--jobs=1'])
}

function wasExcused (file) { return readFileSync('test/unsteady', 'utf8').split('\n').includes(sourceOf(file)) }

/** Runs suites, see scripts/test-files.mjs, and prints each when it has ended. */
async function run (suites, moreArgs = []) {
  const all = { passed: 0, files: [] }
  const missing = new Set(suites.keys())
  // With one thread, tap starts the test files in their order. With more, a long one may start last.
  const { child, status } = start('tap', ['--reporter=tap', ...isInCi ? ['--fail-skip'] : [], ...args, ...moreArgs, ...suites.keys()], {
    env: { UV_THREADPOOL_SIZE: '1' }, output: 'pipe',
  })
  child.stdout.on('data', (data) => tapLog.write(data))
  await readTap(child.stdout, {
    filesOf: (name) => suites.get(name) ?? [name],
    onText: (text) => process.stdout.write(text),
    onSuite (name, suite) {
      missing.delete(name)
      all.passed += suite.passed
      all.files.push(...suite.files)
      printSuite(name, suite)
    },
  })
  await status
  for (const name of missing) all.files.push(...suites.get(name).map(notStarted))
  return all
}

function printSuite (name, { seconds, passed, skipped, files }) {
  const failures = files.flatMap(failuresOf)
  const what = files.length === 1 ? sourceOf(files[0].file) : `${name.replace(/^.*\/(?:\d+-)?|\.test\.js$/g, '')} (${files.length} files)`
  print(`${failures.length === 0 ? 'ok    ' : 'not ok'} ${written(seconds)}  ${String(passed).padStart(6)} passed  ${what}`)
  for (const text of skipped) print(`         skipped: ${sourceOf(text)}`)
  for (const { place, test, details } of failures) print(`\n  ${place}: ${test}\n${details.replace(/^/gm, '    ')}`)
}

/** The failures of a file. One that did not end, without a failure, hung or did not start. */
function failuresOf ({ file, isEnded, failures }) {
  const all = failures.length === 0 && !isEnded ? [failure(sourceOf(file), 'it did not run to its end')] : failures
  return all.map(({ place, ...rest }) => ({ place: place.startsWith(sourceOf(file)) ? place : `${sourceOf(file)} (${sourceOf(place)})`, ...rest }))
}

function failure (place, test) { return { place, test, details: '' } }

function written (seconds) { return `${seconds.toFixed(1).padStart(6)} s` }

function printSummary ({ passed, failures, unsteady, slowest }) {
  print(`\n${passed} assertions passed. The slowest files:`)
  for (const { file, seconds } of slowest) print(`${written(seconds)}  ${file}`)
  for (const { place, test } of failures.slice(0, 10)) print(`FAILED ${place}: ${test}`)
  if (failures.length > 10) print(`and ${failures.length - 10} more`)
  for (const file of unsteady) print(`unsteady: ${file}`)
}
