import { createHash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { bundleOf } from './core/bundle.js'
import type { Snapshot } from './core/snapshot.js'
import type { Service } from './service.js'

/** A bundle as it goes out. The tag is of its content, so every replica says the same. */
export interface RenderedBundle { readonly etag: string, readonly text: string, readonly gzipped: () => Promise<Buffer> }

/** Changes come in bursts: who waits for one is answered this much later, with all of them, ms. */
const SETTLE_MS = 200

/** Prefixes a bundle is kept for: callers may name any. */
const MAX_PREFIXES = 256

const compress = promisify(gzip)
const rendered = new WeakMap<Snapshot, Map<string, RenderedBundle>>()

/** Made once for each snapshot and prefix, where few prefixes are asked for. */
export function renderBundle (snapshot: Snapshot, prefix: string): RenderedBundle {
  let byPrefix = rendered.get(snapshot)
  if (byPrefix === undefined) rendered.set(snapshot, byPrefix = new Map())
  let bundle = byPrefix.get(prefix)
  if (bundle !== undefined) return bundle
  if (byPrefix.size >= MAX_PREFIXES) byPrefix.delete(byPrefix.keys().next().value!) // the oldest
  byPrefix.set(prefix, bundle = render(snapshot, prefix))
  return bundle
}

function render (snapshot: Snapshot, prefix: string): RenderedBundle {
  const text = JSON.stringify(bundleOf(snapshot, prefix))
  const etag = `"${createHash('sha256').update(text).digest('hex').slice(0, 32)}"`
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

/**
 * The bundle, once it is another one than the caller has.
 * @param known etags the caller has
 * @returns `null` when the time was up, or the wait was ended
 */
export async function awaitBundle (
  service: Pick<Service, 'snapshot' | 'moved'>, prefix: string, known: readonly string[], waitMs: number, signal: AbortSignal
): Promise<RenderedBundle | null> {
  const until = performance.now() + waitMs
  for (;;) {
    const bundle = renderBundle(service.snapshot(), prefix)
    if (!known.includes(bundle.etag)) return bundle
    const left = until - performance.now()
    if (left <= 0 || signal.aborted) return null
    await service.moved(left, signal)
    const settleMs = Math.min(SETTLE_MS, Math.max(0, until - performance.now()))
    if (!signal.aborted) await setTimeout(settleMs, undefined, { signal }).catch(() => {})
  }
}
