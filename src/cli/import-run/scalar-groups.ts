import type { ScalarEvent } from '../event-files/event.js'
import { figureNames, questionsFromRate, trainerNames, type CheckpointFigure } from './trainer-metrics.js'
import { listNames, timeField, type Draft, type FoundCheckpoint, type Hints } from './checkpoint-draft.js'

/** `eval/<suite>/<field>`; below these last parts of a suite TRL has metrics of its own. */
const TAG = /^eval\/(.+)\/([^/]+)$/
const TRL = /(?:^|_)(?:rewards|completions)$/
const EVAL = 'eval/'

type Open = { at?: string, suite: string, step: number } & { [field in CheckpointFigure]?: unknown }

/**
 * Groups scalars, which arrive one by one and in several writes, into checkpoints. A checkpoint is complete when its suite gets another
 * step or the same field again (a resumed job repeats steps), or when nothing more comes.
 */
export class ScalarGroups {
  readonly #file: string
  readonly #hints: Hints
  readonly #names: ReadonlyMap<string, CheckpointFigure>
  readonly #trainerFigure: ReturnType<typeof trainerNames>
  /** The tag of verl's validation: `val-core/<source>/acc/mean@1`. */
  readonly #verl: RegExp
  readonly #open = new Map<string, Open>()
  /** Fields of the previous checkpoint, by suite. */
  readonly #usual = new Map<string, readonly string[]>()
  readonly #tags = new Set<string>()
  /** The evaluation set whose metrics Trainer is writing. */
  #set: { readonly step: number, readonly suite: string } | null = null
  /** The last length under a tag that names no suite. */
  #tokens: { readonly step: number, readonly value: number } | null = null

  constructor (file: string, hints: Hints = {}) {
    this.#file = file
    this.#hints = hints
    this.#names = figureNames(hints)
    this.#trainerFigure = trainerNames(hints)
    this.#verl = new RegExp(`^val-core/(.+)/${(hints.metric ?? 'acc').replace(/[^\w/]/g, '\\$&')}/mean@\\d+$`)
  }

  /** Adds an event. @returns the checkpoints that it completes */
  add ({ step, wallTime, scalars }: ScalarEvent): FoundCheckpoint[] {
    const complete: FoundCheckpoint[] = []
    for (const { tag, value } of scalars) {
      this.#tags.add(tag)
      if (!Number.isFinite(value)) continue
      if (tag === this.#hints.tokensMetric) this.#addTokens(step, value)
      const { suite, field } = this.#figureOf(tag, step) ?? {}
      if (suite === undefined || field === undefined) continue
      const open = this.#open.get(suite)
      const isSame = open?.step === step && open[field] === undefined
      if (open !== undefined && !isSame) complete.push(...this.#close(suite))
      const tokens = this.#tokens?.step === step && { tokens_mean: this.#tokens.value }
      this.#open.set(suite, { ...timeField(wallTime), ...tokens, ...(isSame && open), suite, step, [field]: value })
    }
    return complete
  }

  /** The remaining checkpoints, when nothing more comes. */
  flush (): FoundCheckpoint[] { return [...this.#open.keys()].flatMap((suite) => this.#close(suite)) }

  /** The checkpoints that have all fields of the previous one, so that no more are expected. */
  flushUsual (): FoundCheckpoint[] {
    const usual = [...this.#open].filter(([suite, draft]) => this.#usual.get(suite)?.every((field) => field in draft))
    return usual.flatMap(([suite]) => this.#close(suite))
  }

  /** The tags that there are, those of evaluations first, for a message; `null` if there are none. */
  tags (): string | null {
    const isOfEvaluation = (tag: string) => /^(?:eval|val|test)/i.test(tag)
    const tags = [...this.#tags].sort()
    return tags.length === 0 ? null : `its tags are ${listNames([...tags.filter(isOfEvaluation), ...tags.filter((tag) => !isOfEvaluation(tag))])}`
  }

  /** The suite and field of a tag. Trainer writes `eval/<suite>_<field>`, or `eval/<field>`: of the set that it has just named, if any. */
  #figureOf (tag: string, step: number): { suite: string, field: CheckpointFigure } | null {
    const [, source] = this.#verl.exec(tag) ?? []
    if (source !== undefined) return { suite: source, field: 'em' }
    const [, slashed = '', name = ''] = TAG.exec(tag) ?? []
    const field = TRL.test(slashed) ? undefined : this.#names.get(name)
    if (field !== undefined) return { suite: slashed, field }
    const figure = tag.startsWith(EVAL) ? this.#trainerFigure(tag.slice(EVAL.length)) : null
    if (figure === null || figure.suite?.includes('/')) return null
    if (figure.field === 'runtime') this.#set = figure.suite === undefined ? null : { step, suite: figure.suite }
    const set = this.#set?.step === step ? this.#set.suite : undefined
    return { suite: figure.suite ?? set ?? this.#hints.suite ?? 'eval', field: figure.field }
  }

  #addTokens (step: number, value: number): void {
    this.#tokens = { step, value }
    for (const open of this.#open.values()) if (open.step === step) open.tokens_mean = value
  }

  #close (suite: string): FoundCheckpoint[] {
    const open = this.#open.get(suite)!
    this.#open.delete(suite)
    if (open.em === undefined) return []
    this.#usual.set(suite, Object.keys(open))
    const { runtime, samples_per_second: pace, ...figures } = open
    const n = figures.n ?? this.#hints.n ?? questionsFromRate(runtime as number | undefined, pace as number | undefined)
    const draft = { ...figures, ...(n !== null && { n }) } as Draft
    return [{ place: `${this.#file}: step ${open.step} of ${suite}`, draft }]
  }
}
