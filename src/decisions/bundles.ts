import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { bundleOf } from '../core/decide/bundle.js'
import type { Snapshot } from '../core/decide/snapshot.js'

/** A bundle as it is sent. Its tag covers everything but the version, so it is equal on all replicas and changes only with the content. */
export interface RenderedBundle { readonly etag: string, readonly text: string, readonly gzipped: () => Promise<Buffer> }

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
