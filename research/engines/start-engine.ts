import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { until } from '../../test/helper.js'
import { endChild, registered } from './child-processes.js'
import { CLIENT, type ModelName } from './play-transformers.js'

export type ProxiedEngine = 'llama.cpp' | 'vllm' | 'vllm-plugin'

/** A Python that has the engine's package and `openai`. */
export const PYTHON = process.env.ENGINE_PYTHON ?? 'clients/python/.venv/bin/python'
export const MODELS: Readonly<Record<ModelName, ModelFiles>> = {
  single: { weights: 'research/engines/model/weights', gguf: 'research/engines/model/stopgate-reasoner.gguf' },
  boxed: { weights: 'research/engines/model/boxed/weights', gguf: 'research/engines/model/boxed/model.gguf' },
}

/** The model as a Hugging Face folder and as a GGUF file. */
export interface ModelFiles { readonly weights: string, readonly gguf: string }

const VLLM = 'on a CPU research/engines/install-vllm FOLDER makes an environment with both'
const NEEDS: Readonly<Record<ProxiedEngine, { readonly modules: string, readonly remedy: string }>> = {
  'llama.cpp': { modules: 'xllamacpp, openai', remedy: 'pip install xllamacpp==2026.10.11549 openai' },
  vllm: { modules: 'vllm, openai', remedy: VLLM },
  'vllm-plugin': { modules: 'vllm, openai', remedy: VLLM },
}

/** Warnings of vLLM and its plug-in are shown, with those of the run. */
export const VLLM_ENV = {
  VLLM_CPU_KVCACHE_SPACE: '1',
  HF_HUB_OFFLINE: '1',
  VLLM_NO_USAGE_STATS: '1',
  DO_NOT_TRACK: '1',
  VLLM_LOGGING_LEVEL: 'WARNING',
  VLLM_LOGGING_STREAM: 'ext://sys.stderr',
}

/** The smallest size of blocks that a CPU takes, so that short prefixes are cached, too: it grew after vLLM 0.28. */
function blockSize (): string {
  const { stdout } = spawnSync(PYTHON, ['-c', 'from importlib.metadata import version; print(version("vllm"))'], { encoding: 'utf8' })
  return stdout.startsWith('0.28.') ? '16' : '32'
}

/** How long vLLM may take to start. The first time it compiles its modules. */
const START_SECONDS = 300

/** Why the engine cannot be run here; `null` if it can. */
export function lacksEngine (engine: ProxiedEngine): string | null {
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

/** Starts a process. */
export type Start = (file: string, args: readonly string[], env?: object) => ChildProcess

/**
 * Starts processes that are ended together, all in one session: Linux gives each session the same share of the cores (autogroup), and where
 * sessions competed, vLLM, which waits by yielding its core, took two and a half times as long, with its first token after seconds.
 */
export function startTogether (): { readonly start: Start, readonly end: () => Promise<void> } {
  const children: ChildProcess[] = []
  return {
    start (file, args, env = {}) {
      const child = registered(spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } }))
      children.push(child)
      return child
    },
    async end () {
      for (const child of children.reverse()) await endChild(child)
    },
  }
}

/**
 * Starts an engine, and waits until it serves.
 * @param service its address, for the engine's own plug-in
 * @param more further arguments of `vllm serve`
 */
export async function startEngine (
  engine: ProxiedEngine, { weights, gguf }: ModelFiles, service: string, start: Start, more: readonly string[] = []
): Promise<string> {
  if (engine === 'llama.cpp') {
    const server = start(PYTHON, ['research/engines/llama_server.py', '--model', gguf, '--slots', '16'])
    const [url] = await once(createInterface(server.stdout!), 'line') as [string]
    server.stdout!.resume()
    return url
  }
  const port = await freePort()
  const args = [
    'serve', weights, '--served-model-name', 'reasoner', '--host', '127.0.0.1', '--port', String(port), '--dtype', 'float32', '--enforce-eager',
    '--max-model-len', '1024', '--block-size', blockSize(), '--generation-config', 'vllm', '--reasoning-parser', 'deepseek_r1', '--enable-prompt-tokens-details',
  ]
  const tools = ['--enable-auto-tool-choice', '--tool-call-parser', 'hermes']
  // Where a grammar allows white space, the small models write on and on.
  const json = ['--structured-outputs-config', '{"backend":"xgrammar","disable_any_whitespace":true}']
  const path = [CLIENT.PYTHONPATH, process.env.PYTHONPATH ?? []].flat().join(':')
  const plugin = engine === 'vllm-plugin' ? { VLLM_PLUGINS: 'stopgate', STOPGATE_URL: service, STOPGATE_TRUST_CLIENTS: 'yes', PYTHONPATH: path } : {}
  start(join(dirname(PYTHON), 'vllm'), [...args, ...tools, ...json, ...more], { ...VLLM_ENV, ...plugin }).stdout!.resume()
  const url = `http://127.0.0.1:${port}`
  await until('the engine serves', () => fetch(`${url}/v1/models`).then(({ ok }) => ok, () => false), START_SECONDS)
  return url
}

/** Writes the model with further layers that add nothing: the same tokens, and each costs as much as those of a larger model. */
export function deepen (name: ModelName, model: ModelFiles, folder: string, layers: string): ModelFiles {
  const files = { weights: join(folder, 'weights'), gguf: join(folder, 'deep.gguf') }
  const args = ['research/engines/model/deepen.py', '--model', name, '--start', model.weights, '--layers', layers, '--weights', files.weights, '--gguf', files.gguf]
  if (spawnSync(PYTHON, args, { stdio: 'inherit' }).status !== 0) throw new Error('deepen.py failed: it needs numpy, safetensors and gguf')
  return files
}
