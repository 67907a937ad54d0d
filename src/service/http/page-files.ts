import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

/** A file of the page as it is served. */
interface ServedFile {
  readonly etag: string
  readonly body: Buffer
  readonly gzipped: Buffer
}

/** Files by path. Links within the page are relative, so that it also works below a path of a reverse proxy. */
export const PAGE_FILES = [
  { path: '/', name: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/ui', name: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/ui/page.js', name: 'page.js', type: 'text/javascript; charset=utf-8' },
  { path: '/ui/page.css', name: 'page.css', type: 'text/css; charset=utf-8' },
  { path: '/ui/icon.svg', name: 'icon.svg', type: 'image/svg+xml' },
] as const

const known = new Map<string, ServedFile>()

/** Reads a file of `dist/page` when it is first asked for. */
export function readPageFile (name: string): ServedFile {
  let file = known.get(name)
  if (file === undefined) {
    const body = readFileSync(fileURLToPath(import.meta.resolve(`#page/${name}`)))
    file = { etag: `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`, body, gzipped: gzipSync(body) }
    known.set(name, file)
  }
  return file
}

/** For pages that people open: no guessing of types, no frames, no referrer. */
export const PAGE_HEADERS = {
  'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin',
}
