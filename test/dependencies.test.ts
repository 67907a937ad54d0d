import { readdir, readFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import t from 'tap'

interface Locked { readonly dev?: boolean, readonly license?: string, readonly integrity?: string, readonly hasInstallScript?: boolean }

const { dependencies } = JSON.parse(await readFile('package.json', 'utf8'))
const { packages } = JSON.parse(await readFile('package-lock.json', 'utf8')) as { packages: Record<string, Locked> }
const shipped = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true)

/** Ask for no more than that their text comes along. */
const PERMISSIVE = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0', '0BSD']

t.test('what is shipped is licensed so that anybody may ship it, and is what was locked', async (t) => {
  t.ok(shipped.length > 50)
  for (const [path, { license, integrity }] of shipped) {
    if (!PERMISSIVE.includes(license!)) t.fail(`${path}: ${license}`)
    if (!/^sha512-/.test(integrity ?? '')) t.fail(`${path} has no integrity`)
  }
  t.ok(shipped.length < 140, 'few: think before there are more')
  t.same(shipped.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path), ['node_modules/lmdb', 'node_modules/msgpackr-extract'],
    'which ship their native code ready-made, so that the image runs no script of theirs')
})

t.test('every dependency is used, and what is used is a dependency', async (t) => {
  const used = new Set<string>()
  for (const folder of ['src', 'routes', 'openapi']) {
    for (const file of await readdir(folder, { recursive: true })) {
      if (!file.endsWith('.ts')) continue
      for (const [, name] of (await readFile(join(folder, file), 'utf8')).matchAll(/from '((?:@[\w.-]+\/)?[\w-][\w.-]*)/g)) used.add(name!)
    }
  }
  const foreign = [...used].filter((name) => !builtinModules.includes(name) && !name.startsWith('node'))
  t.same(foreign.sort(), Object.keys(dependencies).sort())
})
