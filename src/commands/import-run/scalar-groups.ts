import type { ScalarEvent } from '../event-files/event.js'
import { FIGURES, type Draft, type Found } from './found.js'
import { timeOf } from './time-of.js'

/** Tags of the form `eval/<suite>/<field>`. */
const TAG = /^eval\/(.+)\/([a-z0-9_]+)$/
const FIELDS: Readonly<Record<string, keyof Draft>> = { ...FIGURES, threshold: 'threshold' }

/**
 * Groups scalars, which arrive one by one and in several writes, into checkpoints. A checkpoint is complete when its suite gets another
 * step or the same field again (a resumed job repeats steps), or when nothing more comes.
 */
export class ScalarGroups {
  readonly #file: string
  readonly #open = new Map<string, Draft & { step: number }>()
  /** Fields of the previous checkpoint, by suite. */
  readonly #usual = new Map<string, readonly string[]>()

  constructor (file: string) { this.#file = file }

  /** Adds an event. @returns the checkpoints that it completes */
  add ({ step, wallTime, scalars }: ScalarEvent): Found[] {
    const complete: Found[] = []
    for (const { tag, value } of scalars) {
      const [, suite, name] = TAG.exec(tag) ?? []
      const field = name !== undefined && Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined
      if (suite === undefined || field === undefined || !Number.isFinite(value)) continue
      const open = this.#open.get(suite)
      const isSame = open?.step === step && open[field] === undefined
      if (open !== undefined && !isSame) complete.push(...this.#close(suite))
      this.#open.set(suite, { ...timeOf(wallTime), ...(isSame && open), suite, step, [field]: value })
    }
    return complete
  }

  /** The remaining checkpoints, when nothing more comes. */
  flush (): Found[] { return [...this.#open.keys()].flatMap((suite) => this.#close(suite)) }

  /** The checkpoints that have all fields of the previous one, so that no more are expected. */
  flushUsual (): Found[] {
    const usual = [...this.#open].filter(([suite, draft]) => this.#usual.get(suite)?.every((field) => field in draft))
    return usual.flatMap(([suite]) => this.#close(suite))
  }

  #close (suite: string): Found[] {
    const draft = this.#open.get(suite)!
    this.#open.delete(suite)
    if (draft.em !== undefined) this.#usual.set(suite, Object.keys(draft))
    return draft.em === undefined ? [] : [{ place: `${this.#file}: step ${draft.step} of ${suite}`, draft }]
  }
}
