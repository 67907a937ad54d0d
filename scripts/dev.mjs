// npm run dev: the service, started again whenever the code changes.
import { node, start, startWatching, untilOneEnds } from './run-program.mjs'

await node('scripts/build.mjs')
await untilOneEnds(startWatching('tsconfig.build.json'), start(process.execPath, ['--watch', 'dist/src/cli.js', 'serve']))
