import { createDialects, detectDialect } from '../../proxy/dialects/upstream-dialect.js'
import { fieldOf, itemsOf } from '../../proxy/protocol/json.js'
import { createUpstream, type Upstream } from '../../proxy/protocol/upstream.js'
import { type ProxySettings, readProxySettings, searchedTokens, statedForm } from '../../proxy/proxy-settings.js'
import { ConfigError } from '../../settings/environment.js'
import { CommandError, FileError, UsageError } from '../command-line/command-error.js'
import type { CommandIo } from '../command-line/command-io.js'
import { seededRandom, shuffle } from '../traces/seeded-random.js'
import { type Asked, askPrompts, messageOf } from './ask-prompts.js'
import { type Prompt, readPrompts } from './read-prompts.js'
import { points, type Verdict } from './verdict.js'

interface ServerPlan extends Pick<CommandIo, 'env' | 'stderr'> {
  readonly url: string
  readonly prompts: string
  readonly count: number
  readonly minutes: number
  readonly concurrency: number
  readonly seed: number
}

interface AskedServer {
  readonly asked: Asked
  readonly notes: readonly string[]
  /** The verdict where nothing could be probed; `null`: there are generations to estimate by. */
  readonly problem: Pick<Verdict, 'decision' | 'text'> | null
}

const DETECTION_MS = 10_000

const OFF = ['x-stopgate', 'off']

/** A server whose plug-in of stopgate leaves these requests alone; otherwise it would be measured, and they would be in its contexts. */
function leftAlone (upstream: Upstream): Upstream {
  return {
    ...upstream,
    open: async (request) => await upstream.open({ ...request, headers: [...request.headers, ...OFF] }),
    json: async (path, headers, body, signal) => await upstream.json(path, [...headers, ...OFF], body, signal),
  }
}

/** Asks a model server some prompts of a file. @throws CommandError that says what to change */
export async function askServer (plan: ServerPlan): Promise<AskedServer> {
  const { url, env, stderr, concurrency, minutes } = plan
  const settings = settingsOf(url, env)
  const upstream = leftAlone(createUpstream(settings.PROXY_UPSTREAM))
  const interrupt = new AbortController()
  const onInterrupt = () => { interrupt.abort(new Interrupted('interrupted')) }
  for (const signal of SIGNALS) process.once(signal, onInterrupt)
  const { OPENAI_API_KEY: key = '' } = env
  const headers = key === '' ? [] : ['authorization', `Bearer ${key}`]
  const tags = { open: settings.PROXY_THINK_OPEN, close: settings.PROXY_THINK_CLOSE }
  try {
    const unreachable = (error: Error) => {
      throw new CommandError(`no model server at ${url}: ${messageOf(error)}; start it there, or give its base_url (and OPENAI_API_KEY if it requires a key)`)
    }
    const models = await upstream.json('/v1/models', headers, undefined, AbortSignal.timeout(DETECTION_MS)).catch(unreachable)
    const name = settings.PROXY_DIALECT === 'auto' ? await detectDialect(upstream, headers).catch(unreachable) : settings.PROXY_DIALECT
    const dialect = createDialects({ upstream, tags })[name]
    const model = fieldOf(itemsOf(fieldOf(models, 'data'))[0], 'id')
    const all = await readPrompts(plan.prompts, typeof model === 'string' ? model : '')
    const prompts = shuffle(seededRandom(plan.seed), all).slice(0, plan.count)
    for (const { place, request } of prompts) {
      const cause = dialect.refusal(request)
      if (cause === 'dialect') throw new CommandError(`the proxy can't stop chats of this model server (kind: ${name}): name its kind in PROXY_DIALECT if it is vLLM, llama.cpp or SGLang`)
      if (cause !== null) throw new FileError(`${place}: ${name} can't stop such requests: leave repetition_penalty out`)
    }
    const asked = await askPrompts({
      dialect,
      prompts,
      stated: statedForm(settings),
      tags,
      maxProbeTokens: searchedTokens(settings),
      headers,
      concurrency,
      deadline: performance.now() + 60_000 * minutes,
      signal: interrupt.signal,
      onProgress: progressLines(stderr),
    })
    return { asked, ...resultOf(asked, prompts, plan) }
  } finally {
    for (const signal of SIGNALS) process.off(signal, onInterrupt)
    await upstream.close()
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM']

class Interrupted extends CommandError { override readonly exitCode = 130 }

/** @throws UsageError */
function settingsOf (url: string, env: NodeJS.ProcessEnv): ProxySettings {
  try {
    return readProxySettings({ ...env, PROXY_UPSTREAM: url })
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(error.message)
    throw error
  }
}

function resultOf ({ outcomes, finding, counts }: Asked, prompts: readonly Prompt[], { minutes }: ServerPlan): Pick<AskedServer, 'notes' | 'problem'> {
  const { generations, withoutEnd, cutOff } = counts
  const notes: string[] = []
  if (outcomes.length < prompts.length && outcomes.length > 0) notes.push(`Asked ${outcomes.length} of ${prompts.length} prompts in ${minutes} minutes: --minutes allows more.`)
  if (cutOff > 0) notes.push(`${cutOff} of ${generations} replies ran into max_tokens, so that they have no final answer, or a part of one: raise it in the requests.`)
  if (outcomes.length > 0) return { notes, problem: withoutEnd < generations / 2 ? null : noReasoning(counts) }
  if (finding === null) return { notes, problem: noReasoning(counts) }
  if (finding.form !== null) throw new CommandError(`the time was over before any prompt was probed: raise --minutes (${minutes})`)
  const tried = finding.tried.map(({ name, agreement, self_agreement: self }) => `${name} ${points(agreement)} of ${points(self)} %`).join(', ')
  const text = `Not for you: forced answers are not those that the model gives by itself (${tried}), so that nothing would be probed. ` +
    'If you know how its answers look, state it in PROXY_PROBE and PROXY_PROBE_SUFFIX.'
  return { notes, problem: { decision: 'not_for_you', text } }
}

/** Most replies had no reasoning that ends by itself. */
function noReasoning ({ generations, withoutEnd, cutOff }: Asked['counts']): AskedServer['problem'] {
  if (cutOff > generations / 2) {
    return { decision: 'cannot_tell', text: `Cannot tell yet: ${cutOff} of ${generations} replies ran into max_tokens before they had an answer: raise it in the requests.` }
  }
  const text = `Not for you: ${withoutEnd} of ${generations} replies have no reasoning between the tags of PROXY_THINK_OPEN and PROXY_THINK_CLOSE, and only reasoning is stopped. ` +
    'If the model reasons, turn that on in the requests, or set the tags.'
  return { decision: 'not_for_you', text }
}

/** A line for each tenth of the prompts. */
function progressLines (stderr: CommandIo['stderr']) {
  const texts = { form: 'how answers are forced', probes: 'full runs with probes' }
  return (done: number, total: number, phase: keyof typeof texts) => {
    if (Math.floor(10 * done / total) > Math.floor(10 * (done - 1) / total)) stderr.write(`estimate: ${texts[phase]}, ${done} of ${total} prompts\n`)
  }
}
