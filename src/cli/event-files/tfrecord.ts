import { FileError } from '../command-line/command-error.js'

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})

/** CRC-32C (Castagnoli; RFC 3720, appendix B.4). */
export function crc32c (bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** The CRC as TFRecord stores it: masked, since the CRC of data that holds CRCs is weak (tensorflow/core/lib/hash/crc32c.h). */
export function maskedCrc (bytes: Uint8Array): number {
  const crc = crc32c(bytes)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

// TFRecord: length (uint64), masked CRC of those bytes, the bytes of the record, masked CRC of them; all little-endian.
export const HEADER = 12
const FOOTER = 4
/** Longest record, bytes. Events of scalars are small, so a longer length is corrupt. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024

export function isRecordFile (start: Buffer): boolean {
  return start.length >= HEADER && start.readUInt32LE(8) === maskedCrc(start.subarray(0, 8))
}

/**
 * The complete records at the start of some bytes; an incomplete one is left for the next read.
 * @param at where in the file the bytes start, for messages
 * @returns the records, the number of bytes that they took, and a checksum mismatch after them, if any
 */
export function readRecords (file: string, bytes: Buffer, at: number) {
  const records: Buffer[] = []
  let consumed = 0
  while (bytes.length - consumed >= HEADER) {
    const head = bytes.subarray(consumed, consumed + HEADER)
    const length = Number(head.readBigUInt64LE(0))
    if (!isRecordFile(head) || length > MAX_RECORD_BYTES) return { records, consumed, problem: corrupt(file, at + consumed, 'length') }
    const end = consumed + HEADER + length
    if (bytes.length < end + FOOTER) break
    const record = bytes.subarray(consumed + HEADER, end)
    if (bytes.readUInt32LE(end) !== maskedCrc(record)) return { records, consumed, problem: corrupt(file, at + consumed, 'record') }
    records.push(record)
    consumed = end + FOOTER
  }
  return { records, consumed, problem: null }
}

function corrupt (file: string, at: number, what: string): FileError {
  return new FileError(`${file}: the checksum of the ${what} at byte ${at} does not match: the file is damaged from there on`)
}
