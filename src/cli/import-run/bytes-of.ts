import { open } from 'node:fs/promises'

/** Reads up to `most` bytes of a file from an offset. */
export async function bytesOf (path: string, offset: number, most: number): Promise<Buffer> {
  const handle = await open(path)
  try {
    const { size } = await handle.stat()
    const bytes = Buffer.alloc(Math.max(0, Math.min(size - offset, most)))
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, offset)
    return bytes.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}
