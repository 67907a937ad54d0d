import { allowedPrefix, type Caller } from '../access/context-access.js'
import type { Config } from '../config/config.js'
import { parseContextKey } from '../core/policy/context.js'
import { InvalidKeyError, ModelTooOldError } from '../errors/errors.js'
import type { Service } from '../replica/service.js'
import { BundleWaits } from './bundle-waits.js'
import type { RenderedBundle } from './bundles.js'

export interface BundleRequest {
  /** Context key; absent: all contexts that the caller may use. */
  readonly prefix?: string | undefined
  /** How long to wait for a bundle that the caller does not have yet, s. */
  readonly waitSeconds?: number | undefined
  /** Value of the If-None-Match header. */
  readonly ifNoneMatch?: string | undefined
  /** Calls back when the connection closes. */
  readonly onDisconnect: (listener: () => void) => void
}

export interface ServedBundle {
  readonly bundle: RenderedBundle
  /** Whether the caller has this bundle already. */
  readonly isKnown: boolean
}

export interface BundleServer {
  /** @throws ForbiddenError, InvalidKeyError, ModelTooOldError */
  readonly get: (request: BundleRequest, caller: Caller) => Promise<ServedBundle>
  readonly isClosing: () => boolean
  /** Ends all waits, and lets none begin. */
  readonly close: () => void
}

export interface BundleServices {
  readonly config: Pick<Config, 'levels'>
  readonly service: Pick<Service, 'snapshot' | 'onMove' | 'freshness'>
}

/** Serves bundles, and keeps the requests that wait for a new one. */
export function createBundleServer ({ config, service }: BundleServices): BundleServer {
  const waits = new BundleWaits(service)
  const requests = new Set<AbortController>()
  let isClosing = false
  return {
    async get (request, caller) {
      const { levels } = config
      const prefix = allowedPrefix(caller, request.prefix)
      if (parseContextKey(levels, prefix) === null) {
        throw new InvalidKeyError(prefix.slice(0, 200), levels.map((level) => `${level}=VALUE`).join(','))
      }
      const known = (request.ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
      // A controller for each request: Node 20 never frees what AbortSignal.any attaches to a signal that lives on.
      const wait = new AbortController()
      requests.add(wait)
      request.onDisconnect(() => { wait.abort() })
      const waitMs = isClosing ? 0 : (request.waitSeconds ?? 0) * 1000
      const bundle = await waits.wait(prefix, known, waitMs, wait.signal).finally(() => { requests.delete(wait) })
      if (service.freshness() === 'too_old') throw new ModelTooOldError()
      return { bundle, isKnown: known.includes(bundle.etag) }
    },
    isClosing: () => isClosing,
    close () {
      isClosing = true
      waits.close()
      for (const wait of requests) wait.abort()
    },
  }
}
