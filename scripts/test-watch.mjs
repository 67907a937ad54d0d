// npm run test:watch -- FILE: runs one test file again whenever the code changes.
import { compiledTest, node, start, startWatching, untilOneEnds } from './run-program.mjs'

const [file] = process.argv.slice(2)
if (file === undefined) {
  console.error('Name a test file: npm run test:watch -- test/core/decide/decide.test.ts')
  process.exit(2)
}
await node('scripts/compile.mjs')
await untilOneEnds(startWatching('tsconfig.json'), start(process.execPath, ['--watch', compiledTest(file)]))
