import { execFile, spawn } from 'node:child_process'
import { copyFile, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { temporaryFolder, until } from '../helper.js'

const run = promisify(execFile)

/** As stated in docs/releasing.md, bytes. */
const MAX_PACKAGE_BYTES = 1_000_000

/** Packs the build, and installs the tarball into an empty folder. @returns the folder; `null` if the registry cannot be reached */
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
  const env = { PATH, HOME, PORT: '0', DEFAULT_POLICY: '{"evidence_span_seconds":0}' } // with a span, a quarter is control at first
  const child = spawn('npx', ['--no-install', 'stopgate', 'serve'], { cwd, env, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  t.teardown(() => { try { process.kill(-child.pid!, 'SIGKILL') } catch { /* it has ended */ } })
  for await (const line of createInterface(child.stdout)) {
    const { msg, url } = line.startsWith('{') ? JSON.parse(line) : {}
    if (msg !== 'stopgate is listening') continue
    const body = JSON.stringify({ generation_id: 'g', context: { model: 'm', task: 't' }, tokens: 8, confidence: 0.5 })
    const reply = await fetch(`${url}/v1/decisions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    t.match(await reply.json(), { decision: 'continue', arm: 'control' })
    t.match(await (await fetch(url)).text(), '<title>', 'the operators\' page is in it')
    await testDecide(t, cwd, url)
    break
  }
})

/** A consumer in TypeScript of the types of `stopgate/decide`. */
const CONSUMER = `import { decide, type Decision, snapshotOfBundle, type Bundle } from 'stopgate/decide'
export const first = (bundle: Bundle): Decision => decide(snapshotOfBundle(bundle), 'fresh', { tokens: 16, confidence: 0.5, arm: 'control' })
// @ts-expect-error a step has tokens
decide(snapshotOfBundle({} as Bundle), 'fresh', { confidence: 0.5 })
`

/** Tests the export for workers in JavaScript, in a folder that has nothing but the package. */
async function testDecide (t: Test, cwd: string, url: string): Promise<void> {
  await copyFile('examples/decide.mjs', `${cwd}/decide.mjs`)
  const { stdout } = await run(process.execPath, ['decide.mjs'], { cwd, env: { STOPGATE_URL: url } })
  t.match(stdout, '20 generations are reported')
  const read = async () => await (await fetch(`${url}/v1/contexts/model=stand-in,task=decide`)).json() as { follow_up?: { enrolled: number } }
  await until('its generations are enrolled', async () => (await read()).follow_up?.enrolled === 20)
  await writeFile(`${cwd}/consumer.ts`, CONSUMER)
  const options = ['--strict', '--noEmit', '--target', 'es2023', '--module', 'nodenext', 'consumer.ts']
  await t.resolves(run(process.execPath, [resolve('node_modules/typescript/bin/tsc'), ...options], { cwd }), 'its types are in the package')
}
