import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { ScalarEvent } from '../../../src/cli/event-files/event.js'
import { HEADER, maskedCrc } from '../../../src/cli/event-files/tfrecord.js'

const { Varint, Bit64, LengthDelimited, Bit32 } = WireType
const FOOTER = 4

const eventAt = (wallTime: number): BinaryWriter => new BinaryWriter().tag(1, Bit64).double(wallTime)

/** The first event of a file. */
export const writeVersion = (wallTime: number): Uint8Array => eventAt(wallTime).tag(3, LengthDelimited).string('brain.Event:2').finish()

/** Marks the start of a training at step 0. */
export const writeSessionStart = (wallTime: number): Uint8Array =>
  eventAt(wallTime).tag(7, LengthDelimited).fork().tag(1, Varint).uint32(1).join().finish()

/** An event as PyTorch writes it. */
export function writeEvent ({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  const writer = eventAt(wallTime).tag(2, Varint).int64(step).tag(5, LengthDelimited).fork()
  for (const { tag, value } of scalars) {
    writer.tag(1, LengthDelimited).fork().tag(1, LengthDelimited).string(tag).tag(2, Bit32).float(value).join()
  }
  return writer.join().finish()
}

/** A record as TFRecord files have it. */
export function frameRecord (record: Uint8Array): Buffer {
  const framed = Buffer.alloc(HEADER + record.length + FOOTER)
  framed.writeBigUInt64LE(BigInt(record.length), 0)
  framed.writeUInt32LE(maskedCrc(framed.subarray(0, 8)), 8)
  framed.set(record, HEADER)
  framed.writeUInt32LE(maskedCrc(record), HEADER + record.length)
  return framed
}
