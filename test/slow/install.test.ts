import { execFile, spawn } from 'node:child_process'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { temporaryFolder } from '../helper.js'

const run = promisify(execFile)

/** As stated in docs/releasing.md, bytes. */
const MAX_PACKAGE_BYTES = 1_000_000

/** Packs what was built, and installs the tarball into an empty folder. @returns the folder; `null` if the registry cannot be reached */
async function install (t: Test): Promise<string | null> {
  const [packed, folder] = [await temporaryFolder(t), await temporaryFolder(t)]
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', packed])
  const [tarball] = await readdir(packed)
  t.ok((await stat(`${packed}/${tarball}`)).size <= MAX_PACKAGE_BYTES, 'the package is as small as docs/releasing.md says')
  await mkdir(`${folder}/app`)
  await writeFile(`${folder}/app/package.json`, '{}')
  try {
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', `${packed}/${tarball}`], { cwd: `${folder}/app`, timeout: 300_000 })
  } catch (error) {
    if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENOTCACHED|ETIMEDOUT/.test((error as Error).message)) return null
    throw error
  }
  return `${folder}/app`
}

t.test('the package runs in an empty folder, and decides', async (t) => {
  const cwd = await install(t)
  if (cwd === null) {
    t.pass('the package is installed', { skip: 'NOT TESTED: the registry of npm cannot be reached' })
    return
  }
  const { PATH, HOME } = process.env
  const child = spawn('npx', ['--no-install', 'stopgate', 'serve'], { cwd, env: { PATH, HOME, PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  t.teardown(() => { try { process.kill(-child.pid!, 'SIGKILL') } catch { /* it has ended */ } })
  for await (const line of createInterface(child.stdout)) {
    const { msg, url } = line.startsWith('{') ? JSON.parse(line) : {}
    if (msg !== 'stopgate is listening') continue
    const body = JSON.stringify({ generation_id: 'g', context: { model: 'm', task: 't' }, tokens: 8, confidence: 0.5 })
    const reply = await fetch(`${url}/v1/decisions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    t.match(await reply.json(), { decision: 'continue', arm: 'control' })
    t.match(await (await fetch(url)).text(), '<title>', 'the operators\' page is in it')
    break
  }
})
