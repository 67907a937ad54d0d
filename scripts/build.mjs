// npm run build: compiles the service, bundles its vendored packages and the operators' page. Further arguments go to the compiler.
import { chmodSync, rmSync } from 'node:fs'
import { node, tsc } from './run-program.mjs'

// Not dist/tests, which npm run compile writes.
for (const folder of ['src', 'routes', 'openapi', 'page']) rmSync(`dist/${folder}`, { recursive: true, force: true })
await node('scripts/vendor.mjs')
await node('src/page/build-page.mjs')
await tsc('-p', 'tsconfig.build.json', ...process.argv.slice(2))
await tsc('-p', 'src/core/decide', ...process.argv.slice(2)) // the types of stopgate/decide
chmodSync('dist/src/cli.js', 0o755) // npx runs it as a program
