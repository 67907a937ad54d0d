import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { cli } from '../service-process.js'
import { until } from '../helper.js'
import { endChild, registered } from './child-processes.js'
import { CLIENT, playPython, type ModelName, type Played } from './play-transformers.js'

export type ProxiedEngine = 'llama.cpp' | 'vllm' | 'vllm-plugin'
export type OtherEngine = ProxiedEngine | 'vllm-in-process'

/** A Python that has the engine's package and `openai`. */
export const PYTHON = process.env.ENGINE_PYTHON ?? 'clients/python/.venv/bin/python'
export const MODELS: Readonly<Record<ModelName, ModelFiles>> = {
  single: { weights: 'test/engines/model/weights', gguf: 'test/engines/model/stopgate-reasoner.gguf' },
  boxed: { weights: 'test/engines/model/boxed/weights', gguf: 'test/engines/model/boxed/model.gguf' },
}

/** How the proxy forces answers of each model and closes its reasoning. */
const PROXY_FLAGS: Readonly<Record<ModelName, readonly string[]>> = {
  single: ['--probe', 'direct', '--probe-tokens', '1', '--before-close', '', '--after-close', ''],
  boxed: ['--probe', 'boxed', '--probe-tokens', '8'],
}

/** The model as a Hugging Face folder and as a GGUF file. */
export interface ModelFiles { readonly weights: string, readonly gguf: string }

const VLLM = 'on a CPU test/engines/install-vllm FOLDER makes an environment with both'
const NEEDS: Readonly<Record<OtherEngine, { readonly modules: string, readonly remedy: string }>> = {
  'llama.cpp': { modules: 'xllamacpp, openai', remedy: 'pip install xllamacpp==2026.10.11549 openai' },
  vllm: { modules: 'vllm, openai', remedy: VLLM },
  'vllm-plugin': { modules: 'vllm, openai', remedy: VLLM },
  'vllm-in-process': { modules: 'vllm', remedy: VLLM },
}

const VLLM_ENV = { VLLM_CPU_KVCACHE_SPACE: '1', HF_HUB_OFFLINE: '1', VLLM_NO_USAGE_STATS: '1', DO_NOT_TRACK: '1' }

/** Why the engine cannot be run here; `null` if it can. */
export function lacksEngine (engine: OtherEngine): string | null {
  const { modules, remedy } = NEEDS[engine]
  const isThere = existsSync(PYTHON) && Object.values(MODELS).every(({ weights }) => existsSync(weights)) && spawnSync(PYTHON, ['-c', `import ${modules}`]).status === 0
  return isThere ? null : `needs ${modules} in ${PYTHON} (or the Python of ENGINE_PYTHON): ${remedy}`
}

export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

/** @param service its address, for the engine's own plug-in */
export async function startEngine (
  engine: ProxiedEngine, { weights, gguf }: ModelFiles, service: string, start: (file: string, args: string[], env?: object) => ChildProcess
): Promise<string> {
  if (engine === 'llama.cpp') {
    const [url] = await once(createInterface(start(PYTHON, ['test/engines/llama_server.py', '--model', gguf, '--slots', '16']).stdout!), 'line') as [string]
    return url
  }
  const port = await freePort()
  const args = [
    'serve', weights, '--served-model-name', 'reasoner', '--host', '127.0.0.1', '--port', String(port), '--dtype', 'float32', '--enforce-eager',
    '--max-model-len', '1024', '--block-size', '16', '--generation-config', 'vllm', '--reasoning-parser', 'deepseek_r1', '--enable-prompt-tokens-details',
  ]
  if (engine === 'vllm-plugin') {
    const path = [CLIENT.PYTHONPATH, process.env.PYTHONPATH ?? []].flat().join(':')
    const plugin = { VLLM_PLUGINS: 'stopgate', STOPGATE_URL: service, PYTHONPATH: path }
    start(join(dirname(PYTHON), 'vllm'), [...args, '--enable-auto-tool-choice', '--tool-call-parser', 'hermes'], { ...VLLM_ENV, ...plugin })
  } else start(join(dirname(PYTHON), 'vllm'), args, VLLM_ENV)
  return `http://127.0.0.1:${port}`
}

export interface PlayedByProxy extends Omit<Played, 'client'> {
  /** The counts of the proxy, by the names of its metrics. */
  readonly metrics: Readonly<Record<string, number>>
  /** Median seconds to the first token, directly and through the proxy. */
  readonly first_token: { readonly full: number, readonly served: number }
}

export interface PlayingByProxy {
  /** Of the service. */
  readonly url: string
  readonly generations: number
  /** Of the prompts. */
  readonly seed: number
  /** Whether the proxy is told the right answers. */
  readonly isLabelled: boolean
  readonly model: ModelName
  /** Files to run in place of the model's own. */
  readonly files?: ModelFiles
  /** Those that the model was trained on by default. */
  readonly tasks?: readonly string[]
  /** Whether the proxy finds by itself how the model wants its answers to be forced. */
  readonly findsForm?: boolean
  /** Whether the proxy sends prompts with outcomes, for graders. */
  readonly sendsPrompts?: boolean
}

/** Starts a proxy before the engine, once it has the rules. */
async function startProxy (
  options: PlayingByProxy, direct: string, start: (file: string, args: string[]) => ChildProcess
): Promise<{ readonly url: string, readonly admin: string }> {
  const proxy = start(process.execPath, [
    cli, 'proxy', '--upstream', direct, '--service', options.url, '--port', '0', '--admin-port', '0',
    ...(options.findsForm === true ? [] : PROXY_FLAGS[options.model]), ...(options.sendsPrompts === true ? ['--send-prompts', 'yes'] : []),
  ])
  let listening: { url: string, admin: string } | undefined
  createInterface(proxy.stdout!).on('line', (line) => { if (line.includes('is listening')) listening = JSON.parse(line) })
  const { url, admin } = await until('the proxy serves', () => listening)
  await until('it has the rules', async () => (await (await fetch(`${admin}/readyz`)).text()).includes('"closed"'))
  return { url, admin }
}

/** Runs a test model in an engine, each prompt directly and through a proxy that asks the service at `url`, or by the plug-in of vLLM. */
export async function playProxy (engine: ProxiedEngine, options: PlayingByProxy): Promise<PlayedByProxy> {
  const children: ChildProcess[] = []
  // All in one session: Linux gives each session the same share of the cores (autogroup), and where sessions competed, vLLM, which waits by
  // yielding its core, took two and a half times as long, with its first token after seconds.
  const start = (file: string, args: string[], env: object = {}) => {
    const child = registered(spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } }))
    children.push(child)
    return child
  }
  try {
    const direct = await startEngine(engine, options.files ?? MODELS[options.model], options.url, start)
    children.at(-1)!.stdout!.resume()
    await until('the engine serves', () => fetch(`${direct}/v1/models`).then(({ ok }) => ok, () => false))
    const { url, admin } = engine === 'vllm-plugin' ? { url: direct, admin: direct } : await startProxy(options, direct, start)
    const player = start(PYTHON, [
      'test/engines/run_proxy.py', '--direct', direct, '--proxy', url, '--model', options.model,
      '--generations', String(options.generations), '--seed', String(options.seed),
      ...(engine === 'vllm-plugin' ? ['--plugin'] : []), ...(options.isLabelled ? [] : ['--unlabelled']), ...(options.tasks ?? []).flatMap((task) => ['--task', task]),
    ])
    let output = ''
    player.stdout!.on('data', (chunk) => { output += chunk })
    const [code] = await once(player, 'close')
    if (code !== 0) throw new Error(`run_proxy.py ended with ${String(code)}`)
    const lines = (await (await fetch(`${admin}/metrics`)).text()).split('\n').filter((line) => /^stopgate(_proxy|:)/.test(line) && !/_bucket|_created/.test(line))
    return { ...JSON.parse(output), metrics: Object.fromEntries(lines.map((line) => [line.split(' ')[0], Number(line.split(' ')[1])])) }
  } finally {
    for (const child of children.reverse()) await endChild(child)
  }
}

/** Writes the model with further layers that add nothing: the same tokens, and each costs as much as those of a larger model. */
export function deepen (name: ModelName, model: ModelFiles, folder: string, layers: string): ModelFiles {
  const files = { weights: join(folder, 'weights'), gguf: join(folder, 'deep.gguf') }
  const args = ['test/engines/model/deepen.py', '--model', name, '--start', model.weights, '--layers', layers, '--weights', files.weights, '--gguf', files.gguf]
  if (spawnSync(PYTHON, args, { stdio: 'inherit' }).status !== 0) throw new Error('deepen.py failed: it needs numpy, safetensors and gguf')
  return files
}

/** Runs a test model in vLLM within a Python process, each prompt in full and through `stopgate.vllm`. */
export async function playInProcess ({ url, model, generations, seed, isLabelled, findsForm = false }: PlayingByProxy): Promise<Played> {
  const flags = [...(isLabelled ? [] : ['--unlabelled']), ...(findsForm ? ['--find-form'] : [])]
  const words = ['--url', url, '--model', model, '--generations', String(generations), '--seed', String(seed), ...flags]
  return await playPython(PYTHON, ['test/engines/run_vllm.py', ...words], { ...VLLM_ENV, ...CLIENT })
}
