import type { ServerResponse } from 'node:http'

/** Writes a piece of a body. It must not be empty: an empty chunk would end the body. */
export type WriteChunk = (text: string, isLast?: boolean) => void

/**
 * Writes each chunk of a body (RFC 9112, section 7.1) as one piece, where Node would write four. To be called when the head has been set,
 * which says whether the body has chunks.
 */
export function chunkWriter (response: ServerResponse): WriteChunk {
  const isChunked = response.chunkedEncoding
  response.chunkedEncoding = false // from here on Node leaves the body as it is
  return (text, isLast = false) => {
    const bytes = Buffer.byteLength(text)
    const chunk = isChunked ? `${bytes.toString(16)}\r\n${text}\r\n${isLast ? '0\r\n\r\n' : ''}` : text
    // Node writes the head in the encoding of the first string, and headers are latin1.
    const piece = bytes === text.length ? chunk : Buffer.from(chunk)
    if (isLast) response.end(piece, 'latin1')
    else response.write(piece, 'latin1')
  }
}

/** Sends what `write` writes in one system call, before it returns: by itself Node waits until the end of the turn. */
export function sendAtOnce (response: ServerResponse, write: () => void): void {
  const { socket } = response // none while an earlier request of the connection is answered
  socket?.cork()
  try {
    write()
  } finally {
    socket?.uncork()
  }
}
