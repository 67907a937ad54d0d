import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** Not the bundle that other tests start. */
const cli = fileURLToPath(new URL('../src/cli.js', import.meta.url))
/** Without the options of tap, whose handler of SIGINT would end the process by that signal. tap adds them to each child of its own. */
const start = (...words: string[]) =>
  spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, cli, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })

async function end (child: ReturnType<typeof start>) {
  let err = ''
  child.stderr!.setEncoding('utf8').on('data', (text) => { err += text })
  const [code] = await new Promise<[number | null]>((resolve) => child.on('close', (...args) => resolve(args as unknown as [number | null])))
  return { code, err }
}

t.match(await end(start('frobnicate')), { code: 2, err: /unknown command "frobnicate"/ })

t.test('a reader that closes early, like head, is not an error', async (t) => {
  const child = start('openapi')
  child.stdout!.once('data', () => child.stdout!.destroy())
  t.strictSame(await end(child), { code: 0, err: '' })
})
