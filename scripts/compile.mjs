// npm run compile: compiles the service and its tests into dist/tests, and checks the types of the operators' page.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { node, tsc } from './run-program.mjs'

const OUTPUT = 'dist/tests'

await node('scripts/vendor.mjs')
await node('src/page/build-page.mjs')
await tsc('-p', 'tsconfig.json', '--incremental', '--tsBuildInfoFile', `${OUTPUT}/.tsbuildinfo`)
await tsc('-p', 'src/page', '--incremental', '--tsBuildInfoFile', `${OUTPUT}/.page.tsbuildinfo`)

// The compiler leaves the output of files that have been deleted or renamed, and tap would run those tests.
for (const file of readdirSync(OUTPUT, { recursive: true, encoding: 'utf8' })) {
  if (/^(?:bundles|shared)\//.test(file)) continue // made by test/service-bundle.ts and scripts/test-files.mjs
  if (file.endsWith('.js') && !existsSync(`${file.slice(0, -'.js'.length)}.ts`)) rmSync(join(OUTPUT, file))
}
