import { setTimeout } from 'node:timers/promises'
import { spreadOf, type Figure } from './figure.js'
import type { Load } from './load.js'
import { end, LOAD_CORE, processorSeconds, memoryOf, startProxy, startScript, startServer, temporaryFolder, type Proxy } from './processes.js'
import type { StreamOrder, StreamResult } from './stream-client.js'
import type { StreamServerOrder } from './stream-server.js'

const TOKENS_PER_SECOND = 30
/** Streams of a proxy that has little to do. */
const FEW = 20
/** Rounds of few streams: each lasts as long as a stream. */
const ROUNDS = 3
/** How often the proxy's memory is read, ms. */
const MEMORY_MS = 500
/** Fractions of the duration of a stream: over which all of them start, and after which tokens count. */
const RAMP = 0.3
const SETTLED = 0.4

/**
 * Streams of a stand-in for vLLM, directly and through the proxy in turn. Nothing is certified, so that every thought is probed at each of
 * its checks and none is stopped: this is where the proxy has most to do. The proxy has a core to itself; the stand-in, its client and the
 * service share the other one.
 */
export async function streamFigures ({ rounds, streams, streamTokens }: Load): Promise<Figure[]> {
  const standIn = await startScript<StreamServerOrder, { url: string }>('stream-server', LOAD_CORE)
  const client = await startScript<StreamOrder, StreamResult>('stream-client', LOAD_CORE)
  const { url: direct } = await standIn.ask({ tokensPerSecond: TOKENS_PER_SECOND, tokens: streamTokens })
  const service = await startServer({ DATA_DIR: await temporaryFolder() }, LOAD_CORE)
  const proxy = await startProxy(direct, service.url)
  const figures: Figure[] = []
  const lastsMs = streamTokens / TOKENS_PER_SECOND * 1000
  const [rampMs, fromMs, untilMs] = [lastsMs * RAMP, lastsMs * SETTLED, lastsMs]
  const few = async (url: string) => await client.ask({ url, streams: FEW, rampMs, fromMs, untilMs })
  const many = async (url: string) => await client.ask({ url, streams, rampMs, fromMs, untilMs })
  const compare = (name: string, unit: string, of: (one: StreamResult) => number, directly: StreamResult[], proxied: StreamResult[]) => {
    figures.push({ name, unit, value: spreadOf(proxied.map(of)), note: `${Math.round(spreadOf(directly.map(of)).median).toLocaleString('en-GB')} directly` })
  }

  await few(proxy.url) // the proxy then knows what its upstream is
  const [fewDirectly, fewProxied] = [[], []] as [StreamResult[], StreamResult[]]
  for (let round = 0; round < Math.min(ROUNDS, rounds); round++) {
    fewDirectly.push(await few(direct))
    fewProxied.push(await few(proxy.url))
  }
  compare(`first event, ${FEW} streams: p50`, 'us', ({ firstP50Us }) => firstP50Us, fewDirectly, fewProxied)
  compare(`token, ${FEW} streams: p50`, 'us', ({ tokenP50Us }) => tokenP50Us, fewDirectly, fewProxied)

  const all = await many(direct)
  let mostMiB = 0
  const over = new AbortController()
  const watching = (async () => {
    while (!over.signal.aborted) {
      mostMiB = Math.max(mostMiB, (await memoryOf(proxy.child)).resident)
      await setTimeout(MEMORY_MS)
    }
  })()
  const probedBefore = await probesOf(proxy)
  const proxying = many(proxy.url)
  await setTimeout(fromMs)
  const [usedBefore, since] = [await processorSeconds(proxy.child), performance.now()]
  await setTimeout(untilMs - fromMs)
  const used = (await processorSeconds(proxy.child) - usedBefore) / (performance.now() - since) * 1000
  const allProxied = await proxying
  over.abort()
  await watching
  const label = `${streams.toLocaleString('en-GB')} streams`
  compare(`first event, ${label}: p50`, 'us', ({ firstP50Us }) => firstP50Us, [all], [allProxied])
  compare(`token, ${label}: p50`, 'us', ({ tokenP50Us }) => tokenP50Us, [all], [allProxied])
  compare(`token, ${label}: p99`, 'us', ({ tokenP99Us }) => tokenP99Us, [all], [allProxied])
  compare(`tokens a second, ${label}`, '1/s', ({ tokensPerSecond }) => tokensPerSecond, [all], [allProxied])
  figures.push({ name: `processor of the proxy, ${label}`, unit: 'cores', value: spreadOf([used]), note: `${allProxied.broken} broken` })
  figures.push({ name: `processor of the proxy a token, ${label}`, unit: 'us', value: spreadOf([used / allProxied.tokensPerSecond * 1e6]) })
  const probes = Object.entries(await probesOf(proxy)).map(([how, count]) => [how, count - probedBefore[how]!] as const)
  const [, answered] = probes.find(([how]) => how === 'ok')!
  const note = probes.map(([how, count]) => `${how} ${count.toLocaleString('en-GB')}`).join(', ')
  figures.push({ name: `probes a stream, ${label}`, unit: '', value: spreadOf([answered / streams]), note })
  figures.push({ name: `resident, proxy, ${label}`, unit: 'MiB', value: spreadOf([mostMiB]) })
  for (const child of [proxy.child, service.child, standIn.child, client.child]) await end(child)
  return figures
}

const PROBES = /^stopgate_proxy_probes_total\{end="(\w+)"\} (\d+)$/gm

/** Probes so far, by how they ended. */
async function probesOf ({ admin }: Proxy): Promise<Record<string, number>> {
  const text = await (await fetch(`${admin}/metrics`)).text()
  return Object.fromEntries([...text.matchAll(PROBES)].map(([, how, count]) => [how!, Number(count)]))
}
