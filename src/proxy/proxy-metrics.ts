import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ForcedAnswer } from './dialects/forced-answer.js'
import { PROBE_ENDS, type ProbeEnd } from './generation/checks.js'
import type { GeneratedTokens, GenerationEnd, GenerationMetrics } from './generation/generation.js'
import { PASS_CAUSES, type PassCause } from './protocol/stoppable-request.js'

/** The state that the gauges show. */
interface ProxyState {
  readonly isCircuitOpen: () => boolean
  readonly inFlight: () => number
  readonly heldBytes: () => number
  readonly reports: () => { readonly reported: number, readonly refused: number, readonly dropped: number, readonly waiting: number }
  readonly enrolled: () => number
}

/** Paths of a model server that have a series of their own. */
const PATHS = ['/v1/chat/completions', '/v1/completions', '/completion', '/apply-template', '/tokenize', '/v1/models', 'other'] as const

/** One read in so many is timed, on average. */
const SAMPLE_EVERY = 16

const SECONDS = [0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25]

/** The metrics that Prometheus scrapes from the proxy. */
export class ProxyMetrics implements GenerationMetrics {
  readonly registry = new Registry()
  readonly #registers = [this.registry]
  readonly #passed = this.#labelledCounter('stopgate_proxy_passed_total', 'Requests passed through untouched, by cause', 'cause', PASS_CAUSES)
  readonly #requests = this.#labelledCounter('stopgate_proxy_upstream_requests_total', 'Requests sent to the model server, by path: reasoning, answers, probes, templates, and requests passed through', 'path', PATHS)
  readonly #refused = this.#counter('stopgate_proxy_refused_total', 'Requests refused because too many were in flight, their bodies took up too much memory, or they did not arrive')
  readonly #ends = new Counter({ name: 'stopgate_proxy_generations_total', help: 'Generations served, by arm and end', labelNames: ['arm', 'end'], registers: this.#registers })
  readonly #probes = this.#labelledCounter('stopgate_proxy_probes_total', 'Checks, by the end of the probe', 'end', PROBE_ENDS)
  readonly #probeTokens = this.#counter('stopgate_proxy_probe_tokens_total', 'Tokens decoded for probes; a probe that was given up counts with its full token limit')
  readonly #promptTokens = this.#labelledCounter('stopgate_proxy_probe_prompt_tokens_total', 'Prompt tokens of probes, by whether they were in the prefix cache', 'cache', ['hit', 'miss', 'unknown'])
  readonly #prefixes = this.#labelledCounter('stopgate_proxy_prefixes_total', 'Probes, by whether their prefix was sent upstream as token ids or as text', 'kind', ['ids', 'text'])
  readonly #tokens = this.#labelledCounter('stopgate_proxy_tokens_total', 'Tokens generated, by part: reasoning, discarded (reasoning after the prefix that was answered), or answer', 'part', ['reasoning', 'discarded', 'answer'])
  readonly #aborts = this.#labelledCounter('stopgate_proxy_upstream_aborts_total', 'Streams of the model server that were ended early, by cause', 'cause', ['stop', 'client'])
  readonly #failedStops = this.#counter('stopgate_proxy_failed_stops_total', 'Stops whose answer the model server refused, so the reasoning went on')
  readonly #unknownLevels = this.#counter('stopgate_proxy_unknown_levels_total', 'Generations whose X-Stopgate-Context names a level that the service does not know; the level is ignored')
  readonly #opening = new Histogram({ name: 'stopgate_proxy_first_token_added_seconds', help: 'Time that the proxy adds before it sends a request upstream', buckets: SECONDS, registers: this.#registers })
  readonly #handling = new Histogram({ name: 'stopgate_proxy_token_added_seconds', help: 'Time from reading tokens to having written them, of one read in sixteen', buckets: SECONDS, registers: this.#registers })
  #readsUntilSample = 1
  /** Receives the reason why a stop failed. */
  onFailedStop: (error: Error) => void = () => {}
  onPassed: (cause: PassCause, detail: string | null) => void = () => {}
  /** Receives what a client states and is not believed. */
  onDoubted: (names: readonly string[]) => void = () => {}
  onUnknownLevels: (unknown: readonly string[], known: readonly string[]) => void = () => {}

  constructor (state: ProxyState) {
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({ name, help, registers: this.#registers, collect () { this.set(read()) } })
    gauge('stopgate_proxy_circuit_open', '1 while the service cannot be reached and everything is passed through, otherwise 0', () => Number(state.isCircuitOpen()))
    gauge('stopgate_proxy_requests_in_flight', 'Requests in flight; each sample of a request counts', state.inFlight)
    gauge('stopgate_proxy_held_bytes', 'Request bodies in memory, without the first 64 KiB of each (bytes); the limit is PROXY_MAX_HELD_MIB', state.heldBytes)
    gauge('stopgate_proxy_enrolled', 'Generations enrolled with the service at their first check', state.enrolled)
    for (const end of ['reported', 'refused', 'dropped', 'waiting'] as const) {
      gauge(`stopgate_proxy_reports_${end}`, `Outcomes ${end === 'waiting' ? 'waiting for the service' : end} since the start`, () => state.reports()[end])
    }
  }

  #counter (name: string, help: string) { return new Counter({ name, help, registers: this.#registers }) }

  /** A counter that shows every value of its label from the start, so that the first increase is visible. */
  #labelledCounter<L extends string> (name: string, help: string, label: L, values: readonly string[]): Counter<L> {
    const counter = new Counter({ name, help, labelNames: [label], registers: this.#registers })
    for (const value of values) counter.labels(value).inc(0)
    return counter
  }

  passed (cause: PassCause, detail: string | null = null): void {
    this.#passed.inc({ cause })
    this.onPassed(cause, detail)
  }

  unknownLevels (unknown: readonly string[], known: readonly string[]): void {
    this.#unknownLevels.inc()
    this.onUnknownLevels(unknown, known)
  }

  requested (path: string): void {
    const [plain] = path.split('?')
    this.#requests.inc({ path: PATHS.find((known) => known === plain) ?? 'other' })
  }

  refused (): void { this.#refused.inc() }
  ended (arm: string | null, end: GenerationEnd): void { this.#ends.inc({ arm: arm ?? 'none', end }) }
  aborted (cause: 'stop' | 'client'): void { this.#aborts.inc({ cause }) }
  opened (since: number): void { this.#opening.observe((performance.now() - since) / 1000) }
  handled (since: number): void { this.#handling.observe((performance.now() - since) / 1000) }

  /** Start time of a sampled read, otherwise `null`. Timing each read would add 2.5 % to the cost of a token. */
  startHandling (): number | null {
    if (--this.#readsUntilSample > 0) return null
    this.#readsUntilSample = 1 + Math.floor((2 * SAMPLE_EVERY - 1) * Math.random()) // a fixed gap could meet the same stream each time
    return performance.now()
  }

  stopFailed (error: Error): void {
    this.#failedStops.inc()
    this.onFailedStop(error)
  }

  generated ({ reasoning, discarded, answer }: GeneratedTokens): void {
    this.#tokens.inc({ part: 'reasoning' }, reasoning)
    this.#tokens.inc({ part: 'discarded' }, discarded)
    this.#tokens.inc({ part: 'answer' }, Math.max(0, answer))
  }

  probed ({ hasIds }: { readonly hasIds: boolean }, end: ProbeEnd, tokens: number, forced: ForcedAnswer | null): void {
    this.#probes.inc({ end })
    this.#probeTokens.inc(tokens)
    if (forced === null) return
    this.#prefixes.inc({ kind: hasIds ? 'ids' : 'text' })
    const { promptTokens, cachedTokens } = forced
    if (promptTokens === null) return
    if (cachedTokens === null) { this.#promptTokens.inc({ cache: 'unknown' }, promptTokens); return }
    this.#promptTokens.inc({ cache: 'hit' }, cachedTokens)
    this.#promptTokens.inc({ cache: 'miss' }, promptTokens - cachedTokens)
  }
}
