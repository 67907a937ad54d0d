import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { bundleOf } from '../core/decide/bundle.js'
import type { Snapshot } from '../core/decide/snapshot.js'
import type { Service } from '../replica/service.js'

/** A bundle as it goes out. Its tag is of what it decides by, not the version: replicas say the same, and what moves elsewhere nothing. */
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
  const { model_version: version, ...decisive } = bundleOf(snapshot, prefix)
  const rest = JSON.stringify(decisive).slice(1)
  const text = `{"model_version":${version},${rest}`
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

/**
 * The bundle, once it is another one than the caller has; that one when the time was up, or the wait was ended. Ten thousand may wait: a
 * move that is nothing to them costs each a timer and a look, and makes nothing anew.
 * @param known etags the caller has
 */
export async function awaitBundle (
  service: Pick<Service, 'snapshot' | 'onMove'>, prefix: string, known: readonly string[], waitMs: number, signal: AbortSignal
): Promise<RenderedBundle> {
  const bundle = renderBundle(service.snapshot(), prefix)
  if (!known.includes(bundle.etag) || waitMs <= 0 || signal.aborted) return bundle
  let settling: NodeJS.Timeout | undefined
  let end = (): void => {}
  const ended = new Promise<void>((resolve) => { end = resolve })
  const look = (): void => {
    settling = undefined
    if (!known.includes(renderBundle(service.snapshot(), prefix).etag)) end()
  }
  const timer = setTimeout(end, waitMs)
  signal.addEventListener('abort', end, { once: true })
  const forget = service.onMove(() => { settling ??= setTimeout(look, SETTLE_MS) })
  await ended
  forget()
  clearTimeout(settling)
  clearTimeout(timer)
  return renderBundle(service.snapshot(), prefix)
}
