// Bundles packages whose many modules would take longer to load than the rest of the service: `#typebox` and `#open-telemetry`.
import { build } from 'esbuild'

const OPEN_TELEMETRY = 'src/service/telemetry/open-telemetry.ts'

const options = { bundle: true, platform: 'node', format: 'esm', logLevel: 'warning' }
await Promise.all([
  build({
    ...options,
    stdin: { contents: "export * from 'typebox'; export * from 'typebox/compile'", resolveDir: '.' },
    outfile: 'dist/vendor/typebox.js',
  }),
  build({ ...options, entryPoints: [OPEN_TELEMETRY], mainFields: ['module', 'main'], outfile: 'dist/vendor/open-telemetry.js' }),
])
