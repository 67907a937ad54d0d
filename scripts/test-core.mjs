// npm run test:core: the quick tests of src/core, in one process.
import { node, run } from './run-program.mjs'
import { together } from './test-files.mjs'

await node('scripts/compile.mjs')
await run('tap', ['--reporter=terse', together('core')])
