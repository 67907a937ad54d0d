// npm run test:core: the tests of src/core that take no simulation, in one process. test/groups/run-group.ts lists what is left out.
import { node, run } from './run-program.mjs'

await node('scripts/compile.mjs')
await run('tap', ['--reporter=terse', 'dist/tests/test/groups/core.test.js'], { LEAVE_OUT_SLOW: 'true' })
