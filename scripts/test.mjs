// npm test: lint, types and all tests. Arguments go to tap.
import { start } from './run-program.mjs'

const STEPS = [
  [process.execPath, ['scripts/compile.mjs']],
  // The first run after npm ci takes ten seconds longer: tap builds itself without the plugins that .taprc leaves out.
  // With one thread, tap starts the test files in their order. With more, a long one may start last.
  ['tap', process.argv.slice(2), { UV_THREADPOOL_SIZE: '1' }],
]

/** Runs the steps until one fails, and returns the exit status of the last. */
async function runSteps () {
  for (const step of STEPS) {
    const status = await start(...step).status
    if (status !== 0) return status
  }
  return 0
}

// ESLint uses one core, and many tests leave cores idle while they wait.
const lint = start('npm', ['run', 'lint'])
const status = await runSteps()
if (await lint.status !== 0) {
  console.error('ESLint found problems: npm run lint shows them.')
  process.exit(1)
}
process.exit(status)
