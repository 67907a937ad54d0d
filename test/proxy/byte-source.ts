import { finished, type Readable } from 'node:stream'
import type { ByteSource } from '../../src/proxy/protocol/event-stream.js'

/** The bytes of a stream, as those of a reply come. */
export function byteSource (body: Readable): ByteSource {
  return {
    listen (onBytes, onEnd) {
      finished(body, { writable: false }, (error) => { onEnd(error ?? null) })
      body.on('data', onBytes)
    },
    pause: () => { body.pause() },
    resume: () => { body.resume() },
    release: () => { body.removeAllListeners('data').resume() },
    destroy: () => { body.destroy() },
  }
}
