import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { bundleOf, type Snapshot } from '../../core/decide/index.js'
import { parseContextKey } from '../../core/policy/index.js'
import { InvalidKeyError, SnapshotTooOldError } from '../../errors/errors.js'
import { allowedPrefix, type Caller } from '../access/context-access.js'
import type { Config } from '../config/config.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'

/** A bundle as it is sent. Its tag covers everything but the version, so it is equal on all replicas and changes only with the content. */
interface RenderedBundle { readonly etag: string, readonly text: string, readonly gzipped: () => Promise<Buffer> }

/** Limit on cached prefixes, since callers may ask for any. */
const MAX_PREFIXES = 256

const compress = promisify(gzip)
const rendered = new WeakMap<Snapshot, Map<string, RenderedBundle>>()

/** Renders a bundle, or returns the cached one of this snapshot and prefix. */
export function renderBundle (snapshot: Snapshot, prefix: string): RenderedBundle {
  let byPrefix = rendered.get(snapshot)
  if (byPrefix === undefined) rendered.set(snapshot, byPrefix = new Map())
  let bundle = byPrefix.get(prefix)
  if (bundle !== undefined) return bundle
  if (byPrefix.size >= MAX_PREFIXES) byPrefix.delete(byPrefix.keys().next().value!)
  byPrefix.set(prefix, bundle = render(snapshot, prefix))
  return bundle
}

function render (snapshot: Snapshot, prefix: string): RenderedBundle {
  const { snapshot_version: version, ...decisive } = bundleOf(snapshot, prefix)
  const rest = JSON.stringify(decisive).slice(1)
  const text = `{"snapshot_version":${version},${rest}`
  const etag = `"${createHash('sha256').update(rest).digest('hex').slice(0, 32)}"`
  let small: Promise<Buffer> | undefined
  return {
    etag,
    text,
    async gzipped () {
      small ??= compress(text) as Promise<Buffer>
      return await small
    },
  }
}

/** Delay of replies after a change, ms, so that a burst of changes is sent at once. */
const SETTLE_MS = 200

/** Number of callers checked in one turn of the event loop, so that decisions are answered between replies. */
const WOKEN_PER_TURN = 50

interface Waiting { readonly prefix: string, readonly known: readonly string[], readonly end: () => void }

/** Callers that wait for a bundle they do not have, ten thousand or more. */
export class BundleWaits {
  readonly #snapshotHolder: Pick<SnapshotHolder, 'snapshot' | 'onMove'>
  readonly #waiting = new Set<Waiting>()
  #forget: (() => void) | undefined
  #settling: NodeJS.Timeout | undefined

  constructor (snapshotHolder: Pick<SnapshotHolder, 'snapshot' | 'onMove'>) {
    this.#snapshotHolder = snapshotHolder
  }

  /**
   * Waits for a bundle that the caller does not have, or returns the present one when the time is up or the wait is aborted.
   * @param known etags that the caller has
   */
  async wait (prefix: string, known: readonly string[], waitMs: number, signal: AbortSignal): Promise<RenderedBundle> {
    const bundle = renderBundle(this.#snapshotHolder.snapshot(), prefix)
    if (!known.includes(bundle.etag) || waitMs <= 0 || signal.aborted) return bundle
    this.#forget ??= this.#snapshotHolder.onMove(() => {
      if (this.#waiting.size > 0) this.#settling ??= setTimeout(() => { this.#wake() }, SETTLE_MS)
    })
    let end = (): void => {}
    const ended = new Promise<void>((resolve) => { end = resolve })
    const waiting = { prefix, known, end }
    this.#waiting.add(waiting)
    const timer = setTimeout(end, waitMs)
    signal.addEventListener('abort', end, { once: true })
    await ended
    this.#waiting.delete(waiting)
    clearTimeout(timer)
    return renderBundle(this.#snapshotHolder.snapshot(), prefix)
  }

  /** Ends the waits of callers that do not have the present bundle. */
  async #wake (): Promise<void> {
    this.#settling = undefined
    let looked = 0
    for (const { prefix, known, end } of this.#waiting) {
      if (!known.includes(renderBundle(this.#snapshotHolder.snapshot(), prefix).etag)) end()
      if (++looked % WOKEN_PER_TURN === 0) await setImmediate()
    }
  }

  close (): void {
    this.#forget?.()
    clearTimeout(this.#settling)
  }
}

interface BundleRequest {
  /** Context key; absent: all contexts that the caller may use. */
  readonly prefix?: string | undefined
  /** How long to wait for a bundle that the caller does not have yet, s. */
  readonly waitSeconds?: number | undefined
  /** Value of the If-None-Match header. */
  readonly ifNoneMatch?: string | undefined
  /** Calls back when the connection closes. */
  readonly onDisconnect: (listener: () => void) => void
}

interface ServedBundle {
  readonly bundle: RenderedBundle
  /** Whether the caller has this bundle already. */
  readonly isKnown: boolean
}

interface BundleServer {
  /** @throws ForbiddenError, InvalidKeyError, SnapshotTooOldError */
  readonly get: (request: BundleRequest, caller: Caller) => Promise<ServedBundle>
  readonly isClosing: () => boolean
  /** Ends all waits, and lets none begin. */
  readonly close: () => void
}

interface BundleServices {
  readonly config: Pick<Config, 'levels'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'snapshot' | 'onMove' | 'freshness'>
}

/** Serves bundles, and keeps the requests that wait for a new one. */
export function createBundleServer ({ config, snapshotHolder }: BundleServices): BundleServer {
  const waits = new BundleWaits(snapshotHolder)
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
      if (snapshotHolder.freshness() === 'too_old') throw new SnapshotTooOldError()
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
