import type { Arm } from '../../src/core/decide/arm.js'
import type { Step } from '../../src/core/decide/step.js'
import type { EchoOrder } from './echo-server.js'
import { refusedOf, spreadOf, type Figure } from './figure.js'
import type { LiteralOrder } from './literal-server.js'
import type { LoadResult } from './generator.js'
import type { Load } from './load.js'
import { end, processorSeconds, SERVER_CORE, startRedis, startScript, type Generator, type Server } from './processes.js'
import { seededRules } from './seeded-snapshot.js'
import { seededServer } from './seeded-server.js'
import { json, stepsOf } from './steps.js'

/** A way to ask for decisions, with the number of decisions per request. */
export interface Way {
  readonly name: string
  readonly path: string
  readonly bodies: readonly string[]
  readonly connections: number
  readonly decisions: number
}

const CONTEXTS = 1000
const STARTS = 2
/** Rounds of the ways with many connections, which take long to open. */
const CROWD_ROUNDS = 3
const single = json(stepsOf(256, 200))
/** Number of bodies that are sent again and again; with fewer, the records of their generations would become full. */
const seeds = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)
const batch = (steps: number, bodies: number): Way => ({
  name: `batch of ${steps}`,
  path: '/v1/decisions/batch',
  bodies: json(seeds(bodies).map((seed) => ({ steps: stepsOf(steps, 4, seed) }))),
  connections: 8,
  decisions: steps,
})
/** The same steps with one control step in fifty, the smallest share: every fifth control step stays, the others become treated. */
const fewControl = (way: Way): Way => {
  let controls = 0
  return withArms(way, `${way.name}, one in fifty control`, (arm) => arm === 'control' && controls++ % 5 > 0 ? 'treated' : arm)
}
/** The same steps with every generation treated and its arm known, so that none is logged. */
const treated = (way: Way): Way => withArms(way, `${way.name}, all treated`, () => 'treated')
const withArms = (way: Way, name: string, armOf: (arm: Arm | undefined) => Arm | undefined): Way => ({
  ...way,
  name,
  bodies: way.bodies.map((body) => {
    const { steps } = JSON.parse(body) as { steps: Step[] }
    return JSON.stringify({ steps: steps.map(({ arm, ...step }) => ({ ...step, arm: armOf(arm) })) })
  }),
})

/** The way by whose echo everything else is judged. */
export const SINGLE: Way = { name: 'single, 32 connections', path: '/v1/decisions', bodies: single, connections: 32, decisions: 1 }
const WAYS: readonly Way[] = [
  { ...SINGLE, name: 'single, 1 connection', connections: 1 },
  SINGLE,
  ...[100, 1000, 5000].map((connections): Way =>
    ({ ...SINGLE, name: `single, ${connections.toLocaleString('en-GB')} connections`, connections })),
  batch(16, 256), batch(256, 64), fewControl(batch(256, 64)), treated(batch(256, 64)), batch(4096, 8),
]

export interface Measured extends LoadResult { readonly cpuUs: number, readonly busy: number }

/** Measures one way to ask one server in one round. */
export async function measure (generator: Generator, server: Server, { path, bodies, connections }: Way, ms: number): Promise<Measured> {
  const before = await processorSeconds(server.child)
  const startedAt = performance.now()
  const result = await generator.ask({ url: server.url, path, bodies, connections, ms })
  const used = await processorSeconds(server.child) - before
  return { ...result, cpuUs: used / result.requests * 1e6, busy: used / (performance.now() - startedAt) * 1000 }
}

/**
 * Measures every way to ask, in turns at the service, at the echo, and at the server that reads Redis where it answers the same question.
 * The rounds go over several starts of each, since the speed of one start differs from that of the next by a tenth for as long as it lives.
 */
export async function decisionFigures (generator: Generator, { rounds, windowMs, warmUpMs }: Load): Promise<Figure[]> {
  const literal = await startLiteral()
  const figures: Figure[] = []
  for (const way of WAYS) {
    const isCrowd = way.connections > 32
    const starts = isCrowd ? 1 : Math.min(STARTS, rounds)
    const services = await inTurn(starts, () => seededServer(CONTEXTS)) // a new server, without the steps recorded by other ways
    const reply = await replyTo(services[0]!, way)
    const echoes = await inTurn(starts, () => startEcho(way, reply))
    const peers = [echoes, services, ...way.connections === 32 ? [[literal.server]] : []]
    const results = peers.map((): Measured[] => [])
    for (const server of peers.flat()) await measure(generator, server, way, warmUpMs)
    for (let round = 0; round < (isCrowd ? Math.min(CROWD_ROUNDS, rounds) : rounds); round++) {
      for (const [i, peer] of peers.entries()) results[i]!.push(await measure(generator, peer[round % peer.length]!, way, windowMs))
    }
    for (const { child } of [...echoes, ...services]) await end(child)
    figures.push(...figuresOf(way, results[0]!, results[1]!))
    if (results[2]) figures.push(...figuresOf({ ...way, name: 'peer that reads Redis on each request, 32 connections' }, results[0]!, results[2]))
  }
  await literal.close()
  return figures
}

async function inTurn<T> (count: number, start: () => Promise<T>): Promise<T[]> {
  const all: T[] = []
  while (all.length < count) all.push(await start())
  return all
}

function figuresOf (way: Way, echoes: readonly Measured[], services: readonly Measured[]): Figure[] {
  const ratios = (of: (one: Measured) => number) => spreadOf(services.map((one, i) => of(one) / of(echoes[i]!)))
  return [
    throughput(way.name, way, echoes, services),
    { name: `${way.name}: p50`, unit: 'us', value: spreadOf(services.map(({ p50Us }) => p50Us)), ratio: ratios(({ p50Us }) => p50Us) },
    { name: `${way.name}: p99`, unit: 'us', value: spreadOf(services.map(({ p99Us }) => p99Us)), ratio: ratios(({ p99Us }) => p99Us) },
    { name: `${way.name}: processor a request`, unit: 'us', value: spreadOf(services.map(({ cpuUs }) => cpuUs)), ratio: ratios(({ cpuUs }) => cpuUs) },
  ]
}

function throughput (name: string, { decisions }: Way, echoes: readonly Measured[], services: readonly Measured[]): Figure {
  const busy = (all: readonly Measured[]) => Math.round(100 * spreadOf(all.map(({ busy }) => busy)).median)
  return {
    name,
    unit: 'decisions/s',
    value: spreadOf(services.map(({ perSecond }) => perSecond * decisions)),
    ratio: spreadOf(services.map(({ perSecond }, i) => perSecond / echoes[i]!.perSecond)),
    note: `server core ${busy(services)} % busy, echo's ${busy(echoes)} %${refusedOf(services)}`,
  }
}

async function replyTo ({ url }: Server, { path, bodies }: Way): Promise<unknown> {
  return await (await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: bodies[0]! })).json()
}

export async function startEcho ({ path }: Way, reply: unknown): Promise<Server> {
  const script = await startScript<EchoOrder, { url: string }>('echo-server', SERVER_CORE)
  return { child: script.child, ...await script.ask({ replies: { [path]: reply } }) }
}

async function startLiteral (): Promise<{ server: Server, close: () => Promise<void> }> {
  const redis = await startRedis(false)
  const script = await startScript<LiteralOrder, { url: string }>('literal-server', SERVER_CORE)
  const { url } = await script.ask({ redisUrl: redis.url, rules: await seededRules(200) })
  return {
    server: { child: script.child, url },
    async close () {
      await end(script.child)
      await end(redis.child)
    },
  }
}
