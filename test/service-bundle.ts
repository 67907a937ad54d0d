import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { basename, dirname, join } from 'node:path'
import type { Plugin } from 'esbuild'

const COMPILED = fileURLToPath(new URL('..', import.meta.url))
const ENTRIES = ['src/cli.js', 'test/quick-service.js', 'src/service/learner/learner-worker.js', 'src/service/learner/fit-worker.js']
/** It loads native code from its own folder. */
const EXTERNAL = ['lmdb']
/** Packages in CommonJS call `require`. */
const REQUIRE = "import { createRequire as createBundleRequire } from 'node:module'; const require = createBundleRequire(import.meta.url)"

/** Swagger UI serves files of its own package. */
const KEEP_FOLDER: Plugin = {
  name: 'keep-folder',
  setup (build) {
    build.onLoad({ filter: /@fastify\/swagger-ui\/.*\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replaceAll('__dirname', JSON.stringify(dirname(path))),
    }))
  },
}

/** The scripts that tests start in processes of their own. */
export interface ServiceScripts {
  /** The command-line interface that users run. */
  readonly cli: string
  /** The service with the times of enrolment that its argument states in JSON. */
  readonly quickService: string
  /** The learner's thread. */
  readonly learnerWorker: string
}

/**
 * The command-line interface with the modules that it loads in a few files: to load six hundred of them one by one took a third of a start.
 * It is bundled again if the service was compiled, or its packages were installed, since. A run with coverage, such as CI's, starts the
 * modules themselves.
 */
export async function bundleService (): Promise<ServiceScripts> {
  const [cli, quickService, learnerWorker] = ENTRIES.map((file) => join(COMPILED, file)) as [string, string, string]
  const modules = { cli, quickService, learnerWorker }
  if (process.env._TAPJS_PROCESSINFO_COVERAGE_ === '1') return modules
  const folder = join(COMPILED, 'bundles', String(await newestChange()))
  const inBundle = (module: string) => join(folder, basename(module))
  const bundled = { cli: inBundle(cli), quickService: inBundle(quickService), learnerWorker: inBundle(learnerWorker) }
  if (Object.values(bundled).every((script) => existsSync(script))) return bundled
  const { build } = await import('esbuild')
  await mkdir(dirname(folder), { recursive: true })
  const made = await mkdtemp(`${folder}-`)
  await build({
    entryPoints: ENTRIES.map((file) => join(COMPILED, file)),
    outdir: made,
    entryNames: '[name]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    minifyWhitespace: true,
    legalComments: 'none',
    external: EXTERNAL,
    plugins: [KEEP_FOLDER],
    banner: { js: REQUIRE },
    logLevel: 'warning',
  })
  // Another process may have made the same at the same time.
  await rename(made, folder).catch(async () => { await rm(made, { recursive: true }) })
  return bundled
}

/** The time at which the service was last compiled, or its packages were last installed, ms. */
async function newestChange (): Promise<number> {
  const files = await Promise.all(['src', 'routes', 'openapi'].map(async (folder) => {
    const names = await readdir(join(COMPILED, folder), { recursive: true })
    return names.filter((name) => name.endsWith('.js')).map((name) => join(COMPILED, folder, name))
  }))
  const others = ['node_modules/.package-lock.json', join(COMPILED, 'test/quick-service.js')].filter((file) => existsSync(file))
  const times = await Promise.all([...files.flat(), ...others].map(async (file) => (await stat(file)).mtimeMs))
  return Math.floor(Math.max(...times))
}
