/**
 * Whether the guards of a threshold can see (law 2). Drift shows in control units and breach in stops, so a guard is blind while half or
 * more of the newest 128 control units that are due came to nothing, or while half or more of the newest 128 stops were refused. A control
 * unit is due once it is accounted for, once its follow-up is over, or once it can no longer be enrolled. It came to nothing if it is void,
 * has no entry, or is missing. A unit that its client cancelled is not due. As long as fewer than 128 are due, the others count as seen:
 * without control units nothing is due, and silence is not blindness.
 */

const NEWEST = 128
/** So many of the newest that came to nothing make the guards blind. */
const BLIND_FROM = NEWEST / 2
/** They see again at this number, so that a share near a half does not suspend and resume a threshold again and again. */
const SEEING_FROM = NEWEST / 4

/** Bits of a number in `bits`. */
const WORD = 32

/** What became of the newest 128 units or stops. */
interface Fates {
  /** A ring of 128 bits in numbers of 32; 1: it came to nothing. */
  readonly bits: readonly number[]
  /** Place in the ring of the next one. */
  readonly next: number
  /** How many came to nothing. */
  readonly nothing: number
  readonly is_blind: boolean
}

const NO_FATES: Fates = { bits: new Array<number>(NEWEST / WORD).fill(0), next: 0, nothing: 0, is_blind: false }

/** The sight of an epoch's guards. */
export interface Sight {
  readonly units: Fates
  readonly stops: Fates
  /** When the last stop was reported or refused, by the log's clock, ms. */
  readonly stopped_at: number
}

export const NO_SIGHT: Sight = { units: NO_FATES, stops: NO_FATES, stopped_at: 0 }

/** Adds control units that have become due, in their order. @param units whether each came to something */
export function noteUnits (sight: Sight, units: readonly boolean[]): Sight {
  if (units.length === 0) return sight
  return { ...sight, units: units.slice(-NEWEST).reduce((fates, isSeen) => addFate(fates, isSeen), sight.units) }
}

/** Adds stops. @param isSeen whether they were reported with probes that can be compared, and not refused */
export function noteStops (sight: Sight, isSeen: boolean, time: number, count = 1): Sight {
  let { stops } = sight
  for (let i = Math.min(count, NEWEST); i > 0; i--) stops = addFate(stops, isSeen)
  return { ...sight, stops, stopped_at: time }
}

function addFate ({ bits, next, nothing, is_blind: wasBlind }: Fates, isSeen: boolean): Fates {
  const more = nothing - bitAt(bits, next) + (isSeen ? 0 : 1)
  const is_blind = more >= BLIND_FROM || (wasBlind && more > SEEING_FROM)
  return { bits: withBit(bits, next, isSeen ? 0 : 1), next: (next + 1) % NEWEST, nothing: more, is_blind }
}

function bitAt (bits: readonly number[], place: number): number { return bits[Math.floor(place / WORD)]! >>> place % WORD & 1 }

function withBit (bits: readonly number[], place: number, bit: number): readonly number[] {
  if (bitAt(bits, place) === bit) return bits
  const copy = [...bits]
  copy[Math.floor(place / WORD)]! ^= 1 << place % WORD
  return copy
}

/**
 * How long nothing has to be stopped until refused stops are forgotten, ms: while a threshold is suspended, nothing is stopped, so nothing
 * could show that the worker has been repaired.
 */
const FORGOTTEN_AFTER_MS = 1_800_000

/** When the oldest refused stops are forgotten unless there are further stops, by the log's clock, ms; Infinity: the stops are seen. */
export function forgottenAt ({ stops, stopped_at: at }: Sight): number { return stops.is_blind ? at + FORGOTTEN_AFTER_MS : Infinity }

/** Forgets the oldest refused stops, so that the threshold returns. One more refused stop suspends it again. */
export function forgetStops (sight: Sight): Sight {
  let { bits, nothing } = sight.stops
  const { next } = sight.stops
  for (let i = 0; nothing >= BLIND_FROM; i++) {
    const place = (next + i) % NEWEST
    nothing -= bitAt(bits, place)
    bits = withBit(bits, place, 0)
  }
  return { ...sight, stops: { bits, next, nothing, is_blind: false } }
}

/** Whether a threshold in force is suspended. */
export function isBlind ({ units, stops }: Sight): boolean { return units.is_blind || stops.is_blind }
