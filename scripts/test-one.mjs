// npm run test:one -- FILE ...: compiles and runs single test files, named as in test/.
import { compiledTest, node, run } from './run-program.mjs'

await node('scripts/compile.mjs')
await run('tap', ['--reporter=terse', ...process.argv.slice(2).map(compiledTest)])
