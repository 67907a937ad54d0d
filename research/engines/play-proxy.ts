import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { cli } from '../../test/service-process.js'
import { until } from '../../test/helper.js'
import type { ModelName, Played, TaskFigures } from './play-transformers.js'
import { MODELS, PYTHON, startEngine, startTogether, type ModelFiles, type ProxiedEngine, type Start } from './start-engine.js'

/** How the proxy forces answers of each model and closes its reasoning. */
const PROXY_FLAGS: Readonly<Record<ModelName, readonly string[]>> = {
  single: ['--probe', 'direct', '--probe-tokens', '1', '--before-close', '', '--after-close', ''],
  boxed: ['--probe', 'boxed', '--probe-tokens', '8'],
}

export interface PlayedByProxy extends Omit<Played, 'client'> {
  /** The counts of the proxy, by the names of its metrics. */
  readonly metrics: Readonly<Record<string, number>>
  /** Sums over the generations that were asked in each way: by turns in vLLM with the plug-in, as streams of chats through the proxy. */
  readonly apis: Readonly<Record<string, TaskFigures>>
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
  /** Further arguments of `vllm serve`. */
  readonly engineArguments?: readonly string[]
  /** Whether vLLM with the plug-in is asked for JSON by a schema, too, in the context of the task `json`. */
  readonly withSchema?: boolean
  /** Whether the proxy finds by itself how the model wants its answers to be forced. */
  readonly findsForm?: boolean
  /** Whether the proxy sends prompts with outcomes, for graders. */
  readonly sendsPrompts?: boolean
}

/** Starts a proxy before the engine, once it has the rules. */
async function startProxy (
  options: PlayingByProxy, direct: string, start: Start
): Promise<{ readonly url: string, readonly admin: string }> {
  const proxy = start(process.execPath, [
    cli, 'proxy', '--upstream', direct, '--service', options.url, '--port', '0', '--admin-port', '0', '--trust-clients', 'yes',
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
  const { start, end } = startTogether()
  try {
    const direct = await startEngine(engine, options.files ?? MODELS[options.model], options.url, start, options.engineArguments)
    const { url, admin } = engine === 'vllm-plugin' ? { url: direct, admin: direct } : await startProxy(options, direct, start)
    const player = start(PYTHON, [
      'research/engines/run_proxy.py', '--direct', direct, '--proxy', url, '--model', options.model,
      '--generations', String(options.generations), '--seed', String(options.seed),
      ...(engine === 'vllm-plugin' ? ['--plugin'] : []), ...(options.withSchema === true ? ['--schema'] : []), ...(options.isLabelled ? [] : ['--unlabelled']), ...(options.tasks ?? []).flatMap((task) => ['--task', task]),
    ])
    let output = ''
    player.stdout!.on('data', (chunk) => { output += chunk })
    const [code] = await once(player, 'close')
    if (code !== 0) throw new Error(`run_proxy.py ended with ${String(code)}`)
    const lines = (await (await fetch(`${admin}/metrics`)).text()).split('\n').filter((line) => /^stopgate(_proxy|:)/.test(line) && !/_bucket|_created/.test(line))
    return { ...JSON.parse(output), metrics: Object.fromEntries(lines.map((line) => [line.split(' ')[0], Number(line.split(' ')[1])])) }
  } finally {
    await end()
  }
}
