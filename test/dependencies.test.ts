import { execFileSync } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import t from 'tap'

interface Locked {
  readonly dev?: boolean
  readonly license?: string
  readonly integrity?: string
  readonly hasInstallScript?: boolean
  readonly engines?: { readonly node?: string }
}

const { dependencies, engines } = JSON.parse(await readFile('package.json', 'utf8'))
const { packages } = JSON.parse(await readFile('package-lock.json', 'utf8')) as { packages: Record<string, Locked> }
const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true)

/** Licences that require only that their text is included. */
const PERMISSIVE = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0', '0BSD']

t.test('shipped packages have permissive licences and locked contents', async (t) => {
  t.ok(shipped.length > 50)
  for (const [path, { license, integrity }] of shipped) {
    const licenses = (license ?? '').replace(/[()]/g, '').split(' AND ')
    if (!licenses.every((one) => PERMISSIVE.includes(one))) t.fail(`${path}: ${license}`)
    if (!/^sha512-/.test(integrity ?? '')) t.fail(`${path} has no integrity`)
  }
  t.ok(shipped.length < 140, 'dependencies stay few')
  t.same(shipped.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path), ['node_modules/lmdb', 'node_modules/msgpackr-extract'],
    'only packages that ship prebuilt native code have install scripts, which the image does not run')
})

t.test('every dependency is used, and every package used is a dependency', async (t) => {
  const used = new Set<string>()
  for (const folder of ['src', 'routes', 'openapi']) {
    for (const file of await readdir(folder, { recursive: true })) {
      if (!file.endsWith('.ts') || file.startsWith('page/') || file.endsWith('open-telemetry.ts')) continue // these are bundled
      for (const [, name] of (await readFile(join(folder, file), 'utf8')).matchAll(/from '#?((?:@[\w.-]+\/)?[\w-][\w.-]*)/g)) used.add(name!)
    }
  }
  const isForeign = (name: string) => !builtinModules.includes(name) && !name.startsWith('node') && name !== 'open-telemetry'
  const foreign = [...used].filter(isForeign)
  t.same(foreign.sort(), Object.keys(dependencies).sort())
})

/** Whether a version, as numbers, satisfies a range of `>=`, `^`, bare majors and `||`: all that the locked packages use. */
function isInRange (version: readonly number[], range: string): boolean {
  return range.split('||').some((alternative) => alternative.replaceAll(/>=\s+/g, '>=').trim().split(/\s+/).every((comparator) => {
    const [, operator = '', numbers = ''] = /^(>=|\^|)([\d.x*]+)$/.exec(comparator) ?? []
    if (numbers === '*') return true
    const wanted = numbers.split('.').map((number) => parseInt(number) || 0)
    const isAtLeast = [0, 1, 2].map((i) => (version[i] ?? 0) - (wanted[i] ?? 0)).find((difference) => difference !== 0) ?? 0
    return operator === '' ? version[0] === wanted[0] : isAtLeast >= 0 && (operator === '>=' || version[0] === wanted[0])
  }))
}

t.test('every locked package runs on the oldest Node that package.json claims', async (t) => {
  const oldest = engines.node.replace('>=', '').split('.').map(Number)
  t.same(['>=20.19', '^20.19.0 || >=22', '20 || >=22', '>= 10.x'].map((range) => isInRange(oldest, range)), [true, true, true, true])
  t.same(['>=22', '^22.0.0', '>=20.20'].map((range) => isInRange(oldest, range)), [false, false, false])
  for (const [path, { engines = {} }] of Object.entries(packages)) {
    if (!isInRange(oldest, engines.node ?? '*')) t.fail(`${path} needs Node ${engines.node}`)
  }
})

t.test('the package holds only the files that users need', async (t) => {
  const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const files: string[] = JSON.parse(packed)[0].files.map(({ path }: { path: string }) => path)
  const isProgram = (file: string) => /^dist\/(src|routes|openapi|vendor)\/.*\.js$|^dist\/page\//.test(file)
  const isType = (file: string) => /^dist\/src\/core\/(decide|policy)\/.*\.d\.ts$/.test(file)
  const others = files.filter((file) => !isProgram(file) && !isType(file))
  t.same(others.sort(), ['CHANGELOG.md', 'LICENSE', 'README.md', 'openapi/openapi.json', 'openapi/vectors.json', 'package.json'])
  t.ok(files.includes('dist/src/cli.js'), 'the command is in it')
  t.same(files.filter((file) => file.startsWith('dist/page/')).sort(), ['LICENSES.txt', 'icon.svg', 'index.html', 'page.css', 'page.js'].map((file) => `dist/page/${file}`), 'and the operators\' page')
})

t.test('the built command is executable, as npx needs it', async (t) => {
  t.not((await stat('dist/src/cli.js')).mode & 0o100, 0)
})
