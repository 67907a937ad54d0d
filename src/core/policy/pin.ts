/** A threshold that an operator sets for a context; `null` means never stop. It carries no guarantee. */
export interface Pin {
  readonly threshold: number | null
  /** `tokens`, or the name of the predictor whose score the threshold is for; absent: the raw confidence. */
  readonly scorer?: string
  /** Distinguishes that predictor from others of the same name. */
  readonly scorer_fingerprint?: string
  readonly reason: string
  /** Name of the token that set it. */
  readonly by: string
  /** When the pin expires, ms since the epoch; `null`: never. */
  readonly expires_at: number | null
}

/** Whether a pin has not expired. @param now ms */
export function isLive ({ expires_at: end }: Pin, now: number): boolean {
  return end === null || now < end
}

/** The pins that have not expired: the same map where none has. @param now ms */
export function livePins (pins: ReadonlyMap<string, Pin>, now: number): ReadonlyMap<string, Pin> {
  const live = [...pins].filter(([, pin]) => isLive(pin, now))
  return live.length === pins.size ? pins : new Map(live)
}
