import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../../test/helper.js'
import { cli } from '../../test/service-process.js'
import { endChild, registered } from './child-processes.js'
import { freePort, MODELS, type Start, startEngine } from './start-engine.js'

/** Longest time for vLLM to start, s. On a busy machine its imports alone take minutes. */
const START_SECONDS = 600

/** Longest time for a scenario, s. */
const LIMIT_SECONDS = 300

/** Chats at the same time. Some of them go on while others begin, so that scenarios meet generations at all stages. */
const CHATS = 4

/** Pause of a chat between two requests, ms: without it the generations of a scenario are over before a failing service answers again. */
const PAUSE_MS = 200

interface Chat { readonly messages: readonly object[], readonly reference: string }

/**
 * Runs `stopgate conformance` on vLLM's own server with the plug-in: chats, streamed and not, go on until all scenarios were observed.
 * @returns whether all checks passed; their results go to standard output
 */
export async function conformPlugin (): Promise<boolean> {
  const children: ChildProcess[] = []
  const start: Start = (file, args, env = {}) => {
    const child = registered(spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } }))
    children.push(child)
    return child
  }
  const ended = new AbortController()
  try {
    const port = await freePort()
    const engine = await startEngine('vllm-plugin', MODELS.single, `http://127.0.0.1:${port}`, start)
    children.at(-1)!.stdout!.resume()
    await until('the engine serves', () => fetch(`${engine}/v1/models`).then(({ ok }) => ok, () => false), START_SECONDS)
    // Later than the engine, so that its start takes no time from the first scenario. Until then the plug-in passes requests.
    const checks = start(process.execPath, [cli, 'conformance', '--port', String(port), '--limit', String(LIMIT_SECONDS)])
    checks.stdout!.pipe(process.stdout, { end: false })
    const done = new Promise<boolean>((resolve) => { checks.once('exit', (code) => { resolve(code === 0) }) })
    const prompts = chats()
    const playing = Array.from({ length: CHATS }, () => chatOn(engine, prompts, ended.signal))
    const passed = await Promise.race([done, ...playing])
    return passed === true
  } finally {
    ended.abort()
    for (const child of children.reverse()) await endChild(child)
  }
}

/** Sends prompts until the signal comes. @throws if the server does not answer one */
async function chatOn (engine: string, prompts: Iterator<Chat>, signal: AbortSignal): Promise<void> {
  for (let i = 0; !signal.aborted; i++) {
    const { messages, reference } = prompts.next().value as Chat
    const reply = await fetch(`${engine}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-stopgate-context': 'task=follow', 'x-stopgate-gold': reference },
      body: JSON.stringify({ model: 'reasoner', messages, temperature: 0, stream: i % 2 === 0 }),
    }).catch((error) => { if (!signal.aborted) throw error })
    const text = await reply?.text()
    if (reply?.ok === false) throw new Error(`vLLM answered ${reply.status}: ${text}`)
    await delay(PAUSE_MS, undefined, { signal }).catch(() => {})
  }
}

/** Prompts of a task, and the same ones again when they are over. */
function * chats (): Generator<Chat> {
  const words = ['-m', 'reasoner.prompts', '--model', 'single', '--task', 'follow', '--count', '2000', '--chat']
  const lines = execFileSync('python3', words, { cwd: 'research/engines/model', encoding: 'utf8' }).trim().split('\n')
  const all = lines.map((line): Chat => JSON.parse(line))
  for (;;) yield * all
}
