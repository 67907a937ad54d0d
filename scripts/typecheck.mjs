// npm run typecheck: checks all types and writes nothing.
import { tsc } from './run-program.mjs'

await tsc('-p', 'tsconfig.json', '--noEmit')
await tsc('-p', 'src/page')
