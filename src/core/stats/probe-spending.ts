/** Sums over the generations of an arm, or of both, that were reported last. */
interface Spent {
  readonly generations: number
  readonly tokens: number
  /** Tokens decoded only for probes. */
  readonly probe_tokens: number
}

/** The present spending on probes: of all generations, and of those in the control arm. */
export interface ProbeSpending { readonly all: Spent, readonly control: Spent }

const NOTHING: Spent = { generations: 0, tokens: 0, probe_tokens: 0 }

export const NO_SPENDING: ProbeSpending = { all: NOTHING, control: NOTHING }

/** Number of generations from which sums are halved, so that they follow other probes and other lengths. */
const MOST = 1024

/** A generation as far as it spends. */
type Spender = Omit<Spent, 'generations'>

/** Adds a reported generation. */
export function addSpending ({ all, control }: ProbeSpending, generation: Spender, isControl: boolean): ProbeSpending {
  return { all: added(all, generation), control: isControl ? added(control, generation) : control }
}

function added (spent: Spent, more: Spender): Spent {
  const generations = spent.generations + 1
  const scale = generations >= MOST ? 0.5 : 1
  return {
    generations: scale * generations,
    tokens: scale * (spent.tokens + more.tokens),
    probe_tokens: scale * (spent.probe_tokens + more.probe_tokens),
  }
}

/** Tokens of probes over those of the generations themselves; `null` before there are any. */
export function probeOverhead ({ all: { tokens, probe_tokens: probes } }: ProbeSpending): number | null {
  return tokens === 0 ? null : probes / tokens
}
