import { gzipSync } from 'node:zlib'
import { renderBundle } from '../../src/service/decisions/bundle-server.js'
import { spreadOf, type Figure } from './figure.js'
import type { Load } from './load.js'
import { seededSnapshot } from './seeded-snapshot.js'

/** Size of the bundle, and the time that it takes to make. */
export async function bundleFigures ({ contexts }: Load): Promise<Figure[]> {
  const snapshot = await seededSnapshot(contexts.at(-1)!)
  const startedAt = performance.now()
  const { text } = renderBundle(snapshot, '*')
  const took = performance.now() - startedAt
  const row = (name: string, unit: string, value: number): Figure => ({ name: `bundle, ${contexts.at(-1)!.toLocaleString('en-GB')} contexts: ${name}`, unit, value: spreadOf([value]) })
  return [row('size', 'KiB', text.length / 1024), row('size, gzip', 'KiB', gzipSync(text).length / 1024), row('to make', 'ms', took)]
}
