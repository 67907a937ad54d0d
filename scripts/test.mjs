// npm test: lint, types and the tests that every change must pass. Arguments go to tap.
// npm run test:slow: the others, which take longer. In CI, a skipped test counts as failed.
import { quickTests, slowTests } from './test-files.mjs'
import { start } from './run-program.mjs'

const [isSlow, args] = process.argv[2] === '--slow' ? [true, process.argv.slice(3)] : [false, process.argv.slice(2)]

// The first run after npm ci takes ten seconds longer: tap builds itself without the plugins that .taprc leaves out.
async function runTests () {
  const compiled = await start(process.execPath, ['scripts/compile.mjs']).status
  if (compiled !== 0) return compiled
  const inCi = process.env.CI === 'true' ? ['--fail-skip'] : []
  // With one thread, tap starts the test files in their order. With more, a long one may start last.
  return await start('tap', [...inCi, ...args, ...isSlow ? slowTests() : quickTests()], { UV_THREADPOOL_SIZE: '1' }).status
}

// ESLint uses one core, and many tests leave cores idle while they wait.
const lint = isSlow ? null : start('npm', ['run', 'lint'])
const status = await runTests()
if (await lint?.status) {
  console.error('ESLint found problems: npm run lint shows them.')
  process.exit(1)
}
process.exit(status)
