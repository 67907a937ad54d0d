import { areSameForms, type ProbeForm, type ProbeFormFinding, RETRIED_AFTER } from '../../core/decide/index.js'
import type { Context } from '../../core/policy/index.js'
import type { FormInForce } from '../service-link/local-decider.js'
import { chooseForm } from './choose-form.js'
import type { EndTrial } from './end-trial.js'

/** Generations that are tried for a form. */
export const TRIED_GENERATIONS = 20
/** One control generation in so many is asked at the end of its reasoning, too. */
const ASK_EVERY = 20
/** Time after which a form that has not come into force is reported again, ms. */
const REPORT_MS = 5000
/** Trials that may be under way beyond those that are needed, since some fail. */
const SPARE_TRIALS = 4
/** Contexts that are followed; those that were used first are forgotten first. */
const MAX_CONTEXTS = 10_000

interface ProbeFormsOptions {
  /** The form that the operator states; `null`: it is found. */
  readonly stated: ProbeForm | null
  /** The form in force, by the rules of the service. */
  readonly inForce: (context: Context) => FormInForce
  /** Sends a finding to the service. Never throws. */
  readonly report: (context: Context, finding: ProbeFormFinding) => Promise<void>
  /** Largest number of tokens of a forced answer. */
  readonly maxTokens: number
  readonly now?: () => number
}

/** The proxy's knowledge of the form in one context. */
interface Search {
  trials: EndTrial[]
  underWay: number
  /** Generations that ran in full since no form fits. */
  paused: number
  /** Control generations that ended. */
  control: number
  /** The finding that was sent, and when. */
  reported: { readonly finding: ProbeFormFinding, readonly at: number } | null
  /** Whether the operator's form was sent although another one is in force. */
  isObjected: boolean
}

/** How answers are forced in each context: by the form in force, by the operator's, or by one that is searched for. */
export class ProbeForms {
  readonly #options: ProbeFormsOptions
  readonly #searches = new Map<string, Search>()

  constructor (options: ProbeFormsOptions) { this.#options = options }

  /** The form of a generation that starts now; `null`: none is known, so it is not probed. */
  formFor (context: Context): ProbeForm | null {
    const { stated, inForce } = this.#options
    const { key, form } = inForce(context)
    const search = this.#searches.get(key)
    if (form !== undefined && search !== undefined) search.reported = null // a later one, after a reset, is searched for again
    if (stated !== null) this.#state(key, context, stated, form)
    return form ?? stated
  }

  /** Whether to try the forms on a generation that ran in full without one. Call `tried` or `failed` then. */
  claims (context: Context): boolean {
    const { stated, inForce, now = () => performance.now() } = this.#options
    const { key, form } = inForce(context)
    if (stated !== null || (form !== undefined && form !== null)) return false
    const search = this.#searchOf(key)
    if (search.reported !== null) {
      const { at, finding } = search.reported
      if (now() - at > REPORT_MS) this.#report(search, context, finding)
      return false
    }
    if (form === null && search.paused < RETRIED_AFTER) {
      search.paused++
      return false
    }
    if (search.trials.length + search.underWay >= TRIED_GENERATIONS + SPARE_TRIALS) return false
    search.underWay++
    return true
  }

  /** The forms were tried on a generation. @returns the finding, once enough generations were tried */
  tried (context: Context, trial: EndTrial): ProbeFormFinding | null {
    const { key, form } = this.#options.inForce(context)
    const search = this.#searchOf(key)
    search.underWay = Math.max(0, search.underWay - 1)
    if (search.reported !== null || form != null) return null // it came late
    search.trials.push(trial)
    if (search.trials.length < TRIED_GENERATIONS) return null
    const finding = chooseForm(search.trials.slice(0, TRIED_GENERATIONS), this.#options.maxTokens)
    search.trials = []
    search.underWay = 0
    search.paused = 0
    this.#report(search, context, finding)
    return finding
  }

  failed (context: Context): void {
    const search = this.#searchOf(this.#options.inForce(context).key)
    search.underWay = Math.max(0, search.underWay - 1)
  }

  /** Whether to ask a control generation at the end of its reasoning, too. */
  asksAtEnd (context: Context): boolean {
    return ++this.#searchOf(this.#options.inForce(context).key).control % ASK_EVERY === 0
  }

  /** Sends the operator's form where it is not in force, but only once against another one, which may be another operator's. */
  #state (key: string, context: Context, stated: ProbeForm, form: ProbeForm | null | undefined): void {
    if (form !== undefined && areSameForms(form, stated)) return
    const search = this.#searchOf(key)
    const { now = () => performance.now() } = this.#options
    const isRecent = search.reported !== null && now() - search.reported.at <= REPORT_MS
    if (isRecent || (form != null && search.isObjected)) return
    search.isObjected = form != null
    this.#report(search, context, { form: stated, is_stated: true, generations: 0, tried: [] })
  }

  #report (search: Search, context: Context, finding: ProbeFormFinding): void {
    const { report, now = () => performance.now() } = this.#options
    search.reported = { finding, at: now() }
    report(context, finding).catch(() => {}) // it is sent again
  }

  #searchOf (key: string): Search {
    let search = this.#searches.get(key)
    if (search === undefined) {
      for (const first of this.#searches.keys()) {
        if (this.#searches.size < MAX_CONTEXTS) break
        this.#searches.delete(first)
      }
      search = { trials: [], underWay: 0, paused: 0, control: 0, reported: null, isObjected: false }
      this.#searches.set(key, search)
    }
    return search
  }
}
