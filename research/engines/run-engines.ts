import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Test } from 'tap'
import { alignColumns } from '../../src/cli/command-line/command-io.js'
import { countsOf } from '../../test/follow-up-counts.js'
import { startProcess } from '../../test/service-process.js'
import { runAll } from './all-runs.js'
import { endingOnSignal, registered } from './child-processes.js'
import { conformPlugin } from './conform-plugin.js'
import { startJudge } from './judge-beside.js'
import { lacksClients, playClients } from './play-clients.js'
import { lacksBench, playOverhead } from './play-overhead.js'
import { BY_DEFAULT } from '../simulation/cadence.js'
import { playFull } from './play-full.js'
import { playShapes } from './play-shapes.js'
import { playProxy, type PlayedByProxy } from './play-proxy.js'
import { lacksTransformers, MODEL_NAMES, playTransformers, type ModelName, type Played, type Progress, type TaskFigures } from './play-transformers.js'
import { deepen, lacksEngine, MODELS, type ModelFiles } from './start-engine.js'

/**
 * `npm run engines -- transformers`, `llama.cpp`, `vllm` or `vllm-plugin`: the figures of docs/evidence/engines.md.
 * `vllm-conformance` runs `stopgate conformance` on vLLM's plug-in; it takes none of the options.
 * `--model boxed`
 * runs the second test model. Through the proxy, `--layers 100` makes a model as costly as one of that depth, and `--threshold 0.95` pins a
 * threshold instead of learning one: then the throughput can be compared with the tokens that are saved. `--folder FOLDER --task trail`
 * runs other weights, of which the folder holds `weights` and `model.gguf`, and `--every 64` asks every 64 tokens instead of 16. With
 * `--find-form` it is found how answers are forced, as by default, and is not stated. `--every auto` takes the default cadence, so that
 * `--every auto --find-form` is a run of the defaults. `--judge 0.1` gives no right answers: a judge labels, which is wrong in a tenth of
 * its replies (llama.cpp and vLLM through the proxy). With `--schema` vLLM with the plug-in is asked for JSON, too.
 * `--engine-arguments='--data-parallel-size 2'` are further ones of `vllm serve`, between blanks.
 *
 * `npm run engines -- shapes` asks vLLM with its plug-in in many shapes of requests instead, `clients` with and without it by real client
 * libraries, `full` by more clients than it has seats, and `overhead` measures by `vllm bench serve` what it costs while nothing is
 * stopped, in `--pairs 10` pairs of runs.
 * `--all` runs everything with both models; with the 6,000 generations of each run by default that takes hours.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    generations: { type: 'string', default: '6000' },
    batch: { type: 'string', default: '64' },
    seed: { type: 'string', default: '1' },
    unlabelled: { type: 'boolean', default: false },
    layers: { type: 'string' },
    threshold: { type: 'string' },
    model: { type: 'string', default: 'single' },
    folder: { type: 'string' },
    task: { type: 'string', multiple: true },
    every: { type: 'string', default: '16' },
    'find-form': { type: 'boolean', default: false },
    judge: { type: 'string' },
    pairs: { type: 'string', default: '10' },
    all: { type: 'boolean', default: false },
    schema: { type: 'boolean', default: false },
    'engine-arguments': { type: 'string', default: '' },
  },
})
const ENGINES = ['transformers', 'llama.cpp', 'vllm', 'vllm-plugin'] as const
const CONFORMANCE = 'vllm-conformance'
const known = [...ENGINES, 'shapes', 'full', 'clients', 'overhead', CONFORMANCE] as const
type Run = Exclude<typeof known[number], typeof CONFORMANCE>
type Engine = typeof ENGINES[number]
const unknown = positionals.find((engine) => !known.includes(engine as typeof known[number]))
if (unknown !== undefined) throw new Error(`there is no engine ${unknown}: use ${known.join(', ')}`)
const model = MODEL_NAMES.find((name) => name === values.model)
if (model === undefined) throw new Error(`there is no model ${values.model}: use ${MODEL_NAMES.join(' or ')}`)
if (values.all) process.exit(runAll(process.argv[1]!, process.argv.slice(2).filter((word) => word !== '--all')))
if (positionals.length === 0) throw new Error(`name an engine (${known.join(', ')}), or --all`)
const wanted = positionals as Array<typeof known[number]>

const ENGINE_ARGUMENTS = values['engine-arguments'].split(' ').filter((word) => word !== '')

const HEADER = ['task', 'generations', 'control', 'stopped', 'saved %', 'gross %', 'EM in full', 'EM served', 'probes each']
const STOPPED_HEADER = ['of those stopped', 'stops', 'served as probed %', 'EM in full', 'EM probed', 'EM served']

interface Served {
  readonly generations: { readonly treated: number }
  readonly fidelity: { readonly stops: number, readonly ratio: number | null, readonly em_drop: number | null }
}

/** EM of those stopped, by task. The service knows the probes, of the stops since the last epoch began. */
function stoppedRow (
  name: string, { stopped, stopped_full_right: full, stopped_right: served }: TaskFigures, known: Served | undefined
): string[] {
  const percent = (ratio: number) => stopped === 0 ? '-' : (100 * ratio).toFixed(1)
  const { stops = 0, ratio = null, em_drop: drop = null } = known?.fidelity ?? {}
  const probed = drop === null ? '-' : percent(served / stopped + drop * known!.generations.treated / stops)
  return [name, String(stopped), ratio === null ? '-' : percent(ratio), percent(full / stopped), probed, percent(served / stopped)]
}

/** Names of the tasks that the model is asked by default. */
function taskNames (model: ModelName): string[] {
  const script = 'import sys; from reasoner.models import MODELS; print(*MODELS[sys.argv[1]].asked)'
  return execFileSync('python3', ['-c', script, model], { cwd: 'research/engines/model', encoding: 'utf8' }).trim().split(' ')
}

function rowOf (name: string, figures: TaskFigures): string[] {
  const { generations: n, control, stopped, tokens, full_tokens: full, probe_tokens: asked, probes, right, full_right: fullRight } = figures
  const percent = (ratio: number) => (100 * ratio).toFixed(1)
  return [
    name, String(n), String(control), String(stopped), percent(1 - (tokens + asked) / full), percent(1 - tokens / full),
    percent(fullRight / n), percent(right / n), (probes / n).toFixed(1),
  ]
}

function addFigures (a: TaskFigures, b: TaskFigures): TaskFigures {
  const sums = Object.entries(a).map(([field, value]) => [field, (value as number) + b[field as keyof TaskFigures]])
  return Object.fromEntries(sums) as TaskFigures
}

async function lacks (engine: Run): Promise<string | null> {
  if (engine === 'transformers') return await lacksTransformers()
  if (engine === 'clients') return lacksClients()
  if (engine === 'overhead') return lacksBench()
  return lacksEngine(engine === 'shapes' || engine === 'full' ? 'vllm-plugin' : engine)
}

/** The model, or that of `--folder`, with `--layers`. */
function filesOf (model: ModelName, folder: string): ModelFiles {
  const { folder: given } = values
  const named = given === undefined ? MODELS[model] : { weights: join(given, 'weights'), gguf: join(given, 'model.gguf') }
  return values.layers === undefined ? named : deepen(model, named, folder, values.layers)
}

/** Part of the replies without a stop that may differ from those of vLLM alone: two tokens may be equally probable. None did so far. */
const ALLOWED_CHANGES = 0.02

/** What was asked in each way. The run has failed where the plug-in had faults, changed replies, or never stopped at a pinned threshold. */
function showApis ({ apis, metrics }: PlayedByProxy): void {
  process.stdout.write(alignColumns([['asked as', ...HEADER.slice(1)], ...Object.entries(apis).map(([api, figures]) => rowOf(api, figures))], HEADER.map((_, i) => i === 0)).join('\n') + '\n')
  const { changed, generations, stopped } = Object.values(apis).reduce(addFigures)
  const never = Object.keys(apis).filter((api) => values.threshold !== undefined && apis[api]!.stopped === 0)
  const faults = [
    (metrics['stopgate:faults_total'] ?? 0) > 0 && 'the plug-in had faults: see the log of vLLM',
    changed > ALLOWED_CHANGES * (generations - stopped) && `${changed} replies that were not stopped differ from those of vLLM alone`,
    never.length > 0 && `nothing was stopped of what was asked as ${never.join(', ')}`,
  ].filter((fault) => fault !== false)
  for (const fault of faults) process.stderr.write(`FAILED: ${fault}\n`)
  if (faults.length > 0) process.exitCode = 1
}

async function play (engine: Engine, model: ModelName, url: string, folder: string): Promise<Pick<Played, 'tasks' | 'parts' | 'seconds'> & { readonly allProbeTokens: number }> {
  const [generations, seed] = [Number(values.generations), Number(values.seed)]
  const isLabelled = !values.unlabelled && values.judge === undefined
  const options = { url, model, generations, seed, isLabelled, sendsPrompts: values.judge !== undefined, findsForm: values['find-form'], withSchema: values.schema, engineArguments: ENGINE_ARGUMENTS }
  if (engine === 'llama.cpp' || engine === 'vllm' || engine === 'vllm-plugin') {
    const chosen = values.task === undefined ? {} : { tasks: values.task }
    const played = await playProxy(engine, { ...options, files: filesOf(model, folder), ...chosen })
    for (const [name, value] of Object.entries(played.metrics)) if (value !== 0) process.stdout.write(`${name} ${value}\n`)
    const [full, served] = [played.first_token.full, played.first_token.served].map((seconds) => (1000 * seconds).toFixed(1))
    process.stdout.write(`ms to the first token: ${full} directly, ${served} ${engine === 'vllm-plugin' ? 'with the plug-in' : 'through the proxy'}\n`)
    if (engine === 'vllm-plugin') showApis(played)
    return { ...played, allProbeTokens: played.metrics['stopgate_proxy_probe_tokens_total'] ?? played.metrics['stopgate:probe_tokens_total'] ?? 0 }
  }
  const onProgress = ({ batch, ms }: Progress) => { if (batch % 10 === 9) process.stderr.write(`batch ${batch + 1}: ${ms.toFixed(1)} ms a generation\n`) }
  const played = await playTransformers({ ...options, batch: Number(values.batch), onProgress })
  process.stdout.write(`calls a generation: ${(played.client.calls / generations).toFixed(2)}; ${JSON.stringify(played.client)}\n`)
  return { ...played, allProbeTokens: played.client.probe_tokens }
}

/** Parts of a task that its last thousand generations are. */
const LAST = 4

/** How savings grow: net, of each 250 generations of a task; and all figures of its last thousand. */
function showCourse (parts: Played['parts']): void {
  for (const [task, each] of Object.entries(parts)) {
    const saved = each.map(({ tokens, probe_tokens: asked, full_tokens: full }) => (100 * (1 - (tokens + asked) / full)).toFixed(1))
    process.stdout.write(`${task}: saved net %, by each 250 generations: ${saved.join(', ')}\n`)
  }
  const rows = Object.entries(parts).map(([task, each]) => rowOf(task, each.slice(-LAST).reduce(addFigures)))
  process.stdout.write(alignColumns([['last 1,000 of', ...HEADER.slice(1)], ...rows], HEADER.map((_, i) => i === 0)).join('\n') + '\n')
}

interface Learnt {
  readonly key: string
  readonly status: string
  readonly diagnosis: { readonly reason: string } | null
  readonly epoch: number
  readonly tokens: { readonly probe_overhead: number | null }
  readonly generations: { readonly control_share: number | null, readonly check_every_tokens: number | null }
}

/** The cadence of each context, and what its probes cost of late. */
function showLearning (contexts: readonly Learnt[]): void {
  const tasks = contexts.filter(({ key }) => key.includes('task='))
  for (const { key, status, diagnosis, epoch, tokens: { probe_overhead: overhead }, generations } of tasks) {
    const { control_share: share, check_every_tokens: every } = generations
    const state = `${status}${diagnosis === null ? '' : ` (${diagnosis.reason})`}, epoch ${epoch}, control share ${share}, probe overhead ${overhead?.toFixed(3) ?? '-'}`
    process.stdout.write(`${key}: ${state}, asked every ${every} tokens\n`)
  }
}

interface WithForm {
  readonly key: string
  readonly probe_form: { readonly name: string | null, readonly asked: number, readonly validity: number | null } | null
}

/** The run has failed where a task is without a form. Replies with tools or a schema have none. */
function showForms (contexts: readonly WithForm[]): void {
  for (const { key, probe_form: known } of contexts.filter(({ key }) => key.includes('task=') && !/=(call|json)$/.test(key))) {
    if (known?.name == null) process.exitCode = 1
    const checked = known?.validity == null ? '' : `, right in ${(100 * known.validity).toFixed(0)} % of ${known.asked} checks`
    process.stdout.write(`${key}: probe form ${known?.name ?? 'none'}${checked}\n`)
  }
}

interface Labelled {
  readonly key: string
  readonly generations: { readonly control: number, readonly treated: number }
}

/** Follows how many labels the service wants. @returns a function that ends it, with the numbers wanted in each 1,000 generations */
function followLabels (service: ReturnType<typeof startProcess>): () => readonly number[] {
  const seen: Array<readonly [generations: number, wanted: number]> = []
  const timer = setInterval(async () => {
    const { body } = await service.get('/v1/contexts?prefix=model%3Dreasoner')
    const leaves = (body.contexts as readonly Labelled[]).filter(({ key }) => key.includes('task='))
    const sum = (count: (leaf: Labelled) => number) => leaves.reduce((total, leaf) => total + count(leaf), 0)
    const counts = await Promise.all(leaves.map(({ key }) => countsOf((path) => service.get(path), key)))
    const total = (state: string) => counts.reduce((all, one) => all + (one[state] ?? 0), 0)
    seen.push([sum(({ generations: { treated } }) => treated) + total('reported'), total('labels_wanted')])
  }, 1000)
  return () => {
    clearInterval(timer)
    const wantedBy = (generations: number) => seen.findLast(([so]) => so <= generations)?.[1] ?? 0
    const last = seen.at(-1)?.[0] ?? 0
    return Array.from({ length: Math.ceil(last / 1000) }, (_, i) => wantedBy(1000 * (i + 1)) - wantedBy(1000 * i))
  }
}

/** End what the engine that runs has started. */
const ends: Array<() => void> = []
const endAll = () => { for (const end of ends.splice(0)) end() }

/** @returns whether it was skipped, which is a failure in CI */
function isSkipped (name: string, lacking: string | null): boolean {
  if (lacking === null) return false
  process.stderr.write(`SKIPPED ${name}: ${lacking}\n`)
  if (process.env.CI === 'true') process.exitCode = 1
  return true
}

async function runConformance (): Promise<void> {
  if (isSkipped(CONFORMANCE, lacksEngine('vllm-plugin'))) return
  if (!await conformPlugin()) process.exitCode = 1
}

/** Threshold of replies with a schema where one is pinned: no test model writes JSON of its own accord, so its confidence in it is low. */
const JSON_THRESHOLD = 0.01

async function runEngine (engine: Run, model: ModelName): Promise<void> {
  if (isSkipped(engine, await lacks(engine))) return
  const folder = await mkdtemp(join(tmpdir(), 'stopgate-engines-'))
  ends.push(() => { rmSync(folder, { recursive: true, force: true, maxRetries: 3 }) })
  const label = values.unlabelled ? { label: 'agreement' } : values.judge === undefined ? {} : { store_prompts: true }
  const service = startProcess({ teardown: (end: () => void) => { ends.unshift(end) } } as Test, {
    DATA_DIR: folder,
    DEFAULT_POLICY: JSON.stringify({
      ...(values.every === 'auto' ? BY_DEFAULT : { check_every_tokens: Number(values.every), check_growth: 0 }), follow_up_seconds: 60, evidence_span_seconds: 0, ...label, // the prompts are shuffled
    }),
  })
  registered(service.child)
  try {
    if (engine === 'clients') {
      if (await playClients(service, folder) > 0) process.exitCode = 1
      return
    }
    if (engine === 'shapes') {
      if (await playShapes(service, ENGINE_ARGUMENTS) > 0) process.exitCode = 1
      return
    }
    if (engine === 'full') {
      await playFull(service, ENGINE_ARGUMENTS)
      return
    }
    if (engine === 'overhead') {
      await playOverhead(service, model, filesOf(model, folder), values.pairs)
      return
    }
    if (values.threshold !== undefined) {
      const pin = { threshold: Number(values.threshold), reason: 'throughput at a known threshold' }
      const pinned = Object.fromEntries((values.task ?? taskNames(model)).map((task) => [task, pin]))
      const all = values.schema ? { ...pinned, json: { ...pin, threshold: JSON_THRESHOLD } } : pinned
      for (const [task, pin] of Object.entries(all)) await service.put(`/v1/contexts/${encodeURIComponent(`model=reasoner,task=${task}`)}/pin`, pin)
    }
    const url = await service.url()
    const course = values.judge === undefined ? null : followLabels(service)
    const asked = { model, tasks: values.task ?? taskNames(model), generations: Number(values.generations), seed: Number(values.seed) }
    const judge = values.judge === undefined ? null : await startJudge({ ...asked, url, folder, wrong: Number(values.judge) })
    if (judge !== null) ends.unshift(judge.kill)
    const { tasks, parts, seconds, allProbeTokens } = await play(engine, model, url, folder)
    if (judge !== null) process.stdout.write(`graders: ${JSON.stringify(await judge.end())}\n`)
    if (course !== null) process.stdout.write(`labels wanted, by each 1,000 generations: ${course().join(', ')}\n`)
    const rows = Object.entries(tasks).map(([task, figures]) => rowOf(task, figures))
    const sums = Object.values(tasks).reduce(addFigures)
    process.stdout.write(alignColumns([HEADER, ...rows, rowOf('all', sums)], HEADER.map((_, i) => i === 0)).join('\n') + '\n')
    showCourse(parts)
    const all = Number(values.generations)
    process.stdout.write(`not stopped and not as in full: ${sums.changed}\n`)
    if (sums.prefill_tokens > 0) process.stdout.write(`prompt tokens evaluated a probe: ${(sums.prefill_tokens / sums.probes).toFixed(1)}\n`)
    process.stdout.write(`ms a generation: ${(1000 * seconds.full / all).toFixed(1)} in full, ${(1000 * seconds.served / all).toFixed(1)} served\n`)
    const tokens = (sums.tokens + sums.probe_tokens) / sums.full_tokens
    process.stdout.write(`throughput to that in full: ${(seconds.full / seconds.served).toFixed(2)}, and ${(1 / tokens).toFixed(2)} by the tokens saved net\n`)
    const contexts = await service.get('/v1/contexts?prefix=model%3Dreasoner')
    const list = contexts.body.contexts as ReadonlyArray<Served & { key: string }>
    const served = new Map(list.map((context) => [context.key, context]))
    const stopped = Object.entries(tasks).map(([task, figures]) => stoppedRow(task, figures, served.get(`model=reasoner,task=${task}`)))
    process.stdout.write(alignColumns([STOPPED_HEADER, ...stopped], STOPPED_HEADER.map((_, i) => i === 0)).join('\n') + '\n')
    process.stdout.write(`tokens saved net, counted: ${sums.full_tokens - sums.tokens - sums.probe_tokens}\n`)
    const atEnds = allProbeTokens - sums.probe_tokens
    const withEnds = 1 - (sums.tokens + allProbeTokens) / sums.full_tokens
    if (atEnds > 0) process.stdout.write(`answers forced to find the form, and at the end of reasoning: ${atEnds} tokens; ${(100 * withEnds).toFixed(1)} % saved net of these, too\n`)
    for (const context of contexts.body.contexts) {
      const { key, threshold, em, tokens: { saved: net, interval } } = context
      const saved = net === null ? 'unknown' : `${Math.round(net)} (${interval.map(Math.round).join(' to ')})`
      process.stdout.write(`${key}: threshold ${threshold}, EM drop at most ${em.interval?.[1] ?? null}, tokens saved by its own estimate ${saved}\n`)
    }
    showLearning(contexts.body.contexts)
    if (values['find-form']) showForms(contexts.body.contexts)
  } finally {
    endAll()
  }
}

await endingOnSignal(async () => {
  for (const name of wanted) await (name === CONFORMANCE ? runConformance() : runEngine(name, model))
}, endAll)
