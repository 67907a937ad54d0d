import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, readFile, symlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { temporaryFolder } from '../../helper.js'

const dockerfile = (await readFile('Dockerfile', 'utf8')).replaceAll(/\\\n\s*/g, '')

t.test('the build stage copies everything that its build needs', async (t) => {
  const stage = dockerfile.split('\nFROM ').find((text) => text.startsWith('base AS build\n'))!
  const copied = [...stage.matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, paths]) => paths!.split(' '))
  const allowed = (await readFile('.dockerignore', 'utf8')).match(/(?<=^!).+$/gm)!
  t.same(copied.filter((path) => !allowed.includes(path)), [], '.dockerignore lets all of it through')

  const folder = await temporaryFolder(t)
  for (const path of copied) await cp(path, join(folder, path), { recursive: true })
  await symlink(resolve('node_modules'), join(folder, 'node_modules'))
  const [, build] = stage.match(/^RUN (npm run build .+)$/m)!
  const withoutHooks = 'unset NODE_OPTIONS' // with coverage, tap hooks into each process, and the compiler does not start
  await promisify(execFile)('sh', ['-c', `${withoutHooks}; ${build} --noCheck`], { cwd: folder })
  t.ok(existsSync(join(folder, 'dist/src/cli.js')), 'types apart, which npm test checks, it builds')
})
