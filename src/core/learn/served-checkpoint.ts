/** The checkpoint of a training run that a context serves, and the certificate of the previous one: an expectation, not evidence. */
export interface ServedCheckpoint {
  readonly run: string
  readonly step: number
  readonly expected: ExpectedCertificate | null
  /** Set once a checkpoint has continued an epoch: the step served when the epoch began, as far as it is known. */
  readonly since?: number
}

export interface ExpectedCertificate {
  /** Run and step of the previous checkpoint, where known. */
  readonly run?: string | null
  readonly step: number | null
  readonly threshold: number
  /** Name of the predictor whose score the threshold is for; absent: the raw confidence. */
  readonly scorer?: string
  readonly tokens_saved_ratio: number
  readonly em_drop: number
}

/** The checkpoint in the next epoch. A reset may mean other weights, so it forgets the checkpoint; any other epoch keeps it. */
export function checkpointAfter (served: ServedCheckpoint | null | undefined, cause: string): ServedCheckpoint | null | undefined {
  if (cause === 'reset') return null
  return served?.since === undefined ? served : { ...served, since: served.step }
}

/** A checkpoint that continues the training. @param before the one before; where it is unknown, the epoch counts from this step */
export function continuedBy (before: ServedCheckpoint | null, run: string, step: number): ServedCheckpoint {
  return { run, step, expected: before?.expected ?? null, since: before?.since ?? before?.step ?? step }
}
