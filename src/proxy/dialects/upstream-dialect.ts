import { fieldOf } from '../protocol/json.js'
import type { RawHeaders } from '../protocol/raw-headers.js'
import type { Upstream } from '../protocol/upstream.js'
import type { Dialect, DialectName, DialectOptions } from './dialect.js'
import { listModels } from './listed-models.js'
import { createLlamaCpp } from './llama-cpp.js'
import { createPlain, createSglang } from './text-dialects.js'
import { createVllm } from './vllm.js'

/** Time after a failed detection before the next attempt, ms. */
const RETRY_MS = 1000

/** The owner of models in `/v1/models` that each kind of model server states. */
const BY_OWNER: ReadonlyMap<unknown, DialectName> = new Map([['vllm', 'vllm'], ['llamacpp', 'llama.cpp'], ['sglang', 'sglang']])

export function createDialects (options: DialectOptions): Readonly<Record<DialectName, Dialect>> {
  return { vllm: createVllm(options), 'llama.cpp': createLlamaCpp(options), sglang: createSglang(options), plain: createPlain(options) }
}

/** Detects the kind of a model server by the owner of its models. @throws UpstreamError, or an error of undici */
export async function detectDialect (upstream: Upstream, headers: RawHeaders): Promise<DialectName> {
  const names = (await listModels(upstream, headers)).map((model) => BY_OWNER.get(fieldOf(model, 'owned_by')))
  return names.find((name) => name !== undefined) ?? 'plain'
}

/** The dialect of the model server: set by the operator, or detected with the first generation. */
export class UpstreamDialect {
  /** `auto` until it has been detected. */
  name: DialectName | 'auto'
  readonly #detect: (headers: RawHeaders) => Promise<DialectName>
  #failedAt = -Infinity

  constructor (name: DialectName | 'auto', detect: (headers: RawHeaders) => Promise<DialectName>) {
    this.name = name
    this.#detect = detect
  }

  /** @param headers of a client, whose credentials the detection uses. @returns `null`: the model server did not say */
  async find (headers: RawHeaders): Promise<DialectName | null> {
    if (this.name === 'auto' && performance.now() - this.#failedAt >= RETRY_MS) {
      try {
        this.name = await this.#detect(headers)
      } catch {
        this.#failedAt = performance.now()
      }
    }
    return this.name === 'auto' ? null : this.name
  }
}
