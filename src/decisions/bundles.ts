import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { bundleOf } from '../core/decide/bundle.js'
import type { Snapshot } from '../core/decide/snapshot.js'
import type { Service } from '../replica/service.js'

/** A bundle as it is sent. Its tag covers everything but the version, so it is equal on all replicas and changes only with the content. */
export interface RenderedBundle { readonly etag: string, readonly text: string, readonly gzipped: () => Promise<Buffer> }

/** Delay of replies after a change, ms, so that a burst of changes is sent at once. */
const SETTLE_MS = 200

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
 * Waits for a bundle that the caller does not have, or returns the present one when the time is up or the wait is aborted. Ten thousand
 * callers may wait: a change that does not concern them costs each a timer and a comparison.
 * @param known etags that the caller has
 */
export async function awaitBundle (
  service: Pick<Service, 'snapshot' | 'onMove'>, prefix: string, known: readonly string[], waitMs: number, signal: AbortSignal
): Promise<RenderedBundle> {
  const bundle = renderBundle(service.snapshot(), prefix)
  if (!known.includes(bundle.etag) || waitMs <= 0 || signal.aborted) return bundle
  let settling: NodeJS.Timeout | undefined
  let end = (): void => {}
  const ended = new Promise<void>((resolve) => { end = resolve })
  const check = (): void => {
    settling = undefined
    if (!known.includes(renderBundle(service.snapshot(), prefix).etag)) end()
  }
  const timer = setTimeout(end, waitMs)
  signal.addEventListener('abort', end, { once: true })
  const forget = service.onMove(() => { settling ??= setTimeout(check, SETTLE_MS) })
  await ended
  forget()
  clearTimeout(settling)
  clearTimeout(timer)
  return renderBundle(service.snapshot(), prefix)
}
