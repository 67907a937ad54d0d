import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { alignColumns } from '../../src/cli/command-line/command-io.js'
import { until } from '../../test/helper.js'
import type { ServiceProcess } from '../../test/service-process.js'
import { lastLine } from './child-processes.js'
import { pinKinds } from './play-shapes.js'
import { freePort, lacksEngine, MODELS, startEngine, startTogether } from './start-engine.js'

/** A Python that has the client libraries: LiteLLM and vLLM ask for different versions of the same packages. */
const CLIENTS_PYTHON = process.env.CLIENTS_PYTHON ?? 'research/engines/.venv-clients/bin/python'
const MODULES = 'anthropic, openai, agents, langchain_openai, litellm, litellm.proxy.proxy_cli'
const REMEDY = 'research/engines/install-clients FOLDER makes such an environment'

/** Why the check cannot be run here; `null` if it can. */
export function lacksClients (): string | null {
  const env = { ...process.env, LITELLM_LOCAL_MODEL_COST_MAP: 'True' }
  const isThere = spawnSync(CLIENTS_PYTHON, ['-c', `import ${MODULES}`], { env }).status === 0
  return lacksEngine('vllm-plugin') ?? (isThere ? null : `needs ${MODULES} in ${CLIENTS_PYTHON} (or the Python of CLIENTS_PYTHON): ${REMEDY}`)
}

interface PlayedCase {
  readonly client: string
  readonly name: string
  readonly tokens?: number
  readonly stopped_tokens?: number
  readonly attempts?: number
  readonly has_field?: boolean
  readonly has_id?: boolean
  readonly faults: readonly string[]
}

interface PlayedClients { readonly cases: readonly PlayedCase[], readonly counts: Readonly<Record<string, number>> }

/** Settings of LiteLLM's proxy, as docs/integrate/vllm.md states them, with the server without the plug-in beside it. */
function litellmSettings (alone: string, plugin: string): string {
  const modelOf = (name: string, url: string) => ({ model_name: name, litellm_params: { model: 'hosted_vllm/reasoner', api_base: `${url}/v1`, api_key: 'none' } })
  return JSON.stringify({
    model_list: [modelOf('reasoner', plugin), modelOf('alone', alone)],
    general_settings: { forward_client_headers_to_llm_api: true },
  })
}

/**
 * Asks vLLM with and without its plug-in by real client libraries, and prints what each of them saw.
 * @returns how many cases have faults
 */
export async function playClients (service: ServiceProcess, folder: string): Promise<number> {
  const { start, end } = startTogether()
  try {
    await pinKinds(service)
    const url = await service.url()
    const [alone, plugin] = [await startEngine('vllm', MODELS.boxed, url, start), await startEngine('vllm-plugin', MODELS.boxed, url, start)]
    const settings = join(folder, 'litellm.yaml') // JSON is YAML
    writeFileSync(settings, litellmSettings(alone, plugin))
    const port = await freePort()
    const env = { LITELLM_LOCAL_MODEL_COST_MAP: 'True', LITELLM_LOG: 'ERROR', LITELLM_MASTER_KEY: 'sk-of-the-check' }
    start(join(dirname(CLIENTS_PYTHON), 'litellm'), ['--config', settings, '--host', '127.0.0.1', '--port', String(port)], env).stdout!.resume()
    const litellm = `http://127.0.0.1:${port}`
    await until("LiteLLM's proxy serves", () => fetch(`${litellm}/health/liveliness`).then(({ ok }) => ok, () => false))
    const player = start(CLIENTS_PYTHON, ['research/engines/run_clients.py', '--alone', alone, '--plugin', plugin, '--litellm', litellm])
    const { cases, counts } = JSON.parse(await lastLine(player)) as PlayedClients
    showCases(cases)
    process.stdout.write(`counts: ${JSON.stringify(counts)}\n`)
    if ((counts.faults ?? 0) > 0) throw new Error('the plug-in had faults: see the log of vLLM')
    return cases.filter(({ faults }) => faults.length > 0).length
  } finally {
    await end()
  }
}

function showCases (cases: readonly PlayedCase[]): void {
  const header = ['client', 'request', 'tokens alone', 'stopped', 'attempts', 'field', 'id in a header', 'result']
  const rows = cases.map(({ client, name, tokens, stopped_tokens: stopped, attempts, has_field: field, has_id: id, faults }) => [
    client, name, ...[tokens, stopped, attempts].map((count) => String(count ?? '-')), field ? 'yes' : '-', id ? 'yes' : '-', faults.length === 0 ? 'ok' : 'FAILED',
  ])
  process.stdout.write(alignColumns([header, ...rows], header.map((_, i) => i < 2)).join('\n') + '\n')
  for (const { client, name, faults } of cases) for (const fault of faults) process.stdout.write(`${client}, ${name}: ${fault}\n`)
}
