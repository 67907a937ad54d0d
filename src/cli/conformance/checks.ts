import type { Exchange, GenerationRecord } from './generation-record.js'

/** The observations of a scenario: the calls since it began, and the generations that began in it. */
export interface Evidence {
  readonly exchanges: readonly Exchange[]
  readonly generations: readonly GenerationRecord[]
}

/** A result of a check: the problems (none: it passes), or why there was nothing to check. */
export type Verdict = { readonly problems: readonly string[] } | { readonly skip: string }

export interface Check {
  readonly title: string
  readonly judge: (evidence: Evidence) => Verdict
}

/** A check of each generation: `null` if it does not concern this one, otherwise its problem, or '' for none. */
function ofGenerations (title: string, nothing: string, judge: (one: GenerationRecord, evidence: Evidence) => string | null): Check {
  return {
    title,
    judge (evidence) {
      const judged = evidence.generations.map((one) => [one.id, judge(one, evidence)] as const).filter(([, problem]) => problem !== null)
      if (judged.length === 0) return { skip: nothing }
      return { problems: judged.filter(([, problem]) => problem !== '').map(([id, problem]) => `${id}: ${problem}`) }
    },
  }
}

const problemIf = (isWrong: boolean, problem: string): string => isWrong ? problem : ''

/** The first outcome with this id; workers may send it more than once. */
const outcomeOf = ({ outcomes }: GenerationRecord): any => outcomes[0]?.fields

/** The arm by the first reply. Local deciders draw it themselves and state it with the outcome. */
const armOf = (one: GenerationRecord): string | undefined => one.steps.find(({ told }) => told !== null)?.told?.arm ?? outcomeOf(one)?.arm

const tokenCounts = (one: GenerationRecord): number[] => [...new Set(one.steps.map(({ tokens }) => tokens))]

const isGradable = (answered: any): boolean => (answered?.em ?? answered?.reward ?? answered?.answer ?? null) !== null

/** Steps after a reply, with that reply: the pairs in which a worker can follow its reply. */
function followed ({ steps }: GenerationRecord) {
  return steps.flatMap((step, i) => {
    const told = steps.slice(0, i).findLast(({ told }) => told !== null)
    return told === undefined || step.tokens === told.tokens ? [] : [{ step, told: told.told! }] // at the same tokens the answer is added
  })
}

export const BEGINS: Check = {
  title: 'it has generations, and names them',
  judge: ({ generations }) => ({
    problems: generations.length === 0
      ? ['no call named a generation: is the worker pointed at STOPGATE_URL, and are its generations longer than 32 tokens?']
      : generations.some(({ id }) => id === '') ? ['steps lack generation_id'] : [],
  }),
}

export const IS_VALID: Check = {
  title: 'every call is valid',
  judge: ({ exchanges }) => ({
    problems: exchanges.flatMap(({ method, path, served }) => {
      if (served === null) return []
      const { status, body } = served
      if (status >= 400 && status < 500 && status !== 429) return [`${method} ${path}: ${status} ${body?.message ?? ''}`]
      const parts = [...body?.errors ?? [], ...body?.rejected ?? [], ...(body?.decisions ?? []).flatMap((one: any) => one.error ?? [])]
      return parts.map(({ path: place, message }) => `${method} ${path}: ${place} ${message}`)
    }),
  }),
}

/** Warnings that a worker causes by itself. Others depend on the traffic. */
const OWN_WARNINGS = ['id_missing', 'context_missing', 'first_step_late', 'asked_early', 'arm_missing', 'samples_missing', 'answer_long', 'steps_missing', 'prompt_unmarked']

export const NO_WARNINGS: Check = ofGenerations('the service warns of nothing that it does', 'no reply', ({ steps, outcomes }) => {
  if (steps.some(({ told }) => told === null)) return null // a first step whose reply was slow makes the next one late
  const warnings = [...steps.flatMap(({ told }) => told?.warnings ?? []), ...outcomes.flatMap(({ warnings }) => warnings)]
  return [...new Set(warnings)].filter((warning) => OWN_WARNINGS.includes(warning)).join(', ')
})

export const ASKS_FIRST: Check = ofGenerations('it asks at the first check, or enrols by the bundle', 'no generation', ({ steps: [first], isEnrolled, isExempt, outcomes }) => {
  if (first === undefined) return problemIf(!isEnrolled && !isExempt && outcomes.length > 0, 'reported, but neither asked about nor enrolled')
  return problemIf(first.arm !== null, `its first step already states an arm (${first.arm})`) ||
    problemIf(first.told?.warnings.includes('first_step_late') === true, `first asked at ${first.tokens} tokens; the first check is at 32`)
})

export const KEEPS_ARM: Check = ofGenerations('it states the arm of the first reply in every later step', 'no generation asked twice', (one) => {
  const later = followed(one)
  const arm = armOf(one)
  const wrong = later.find(({ step }) => step.arm !== arm)
  return later.length === 0 ? null : wrong === undefined ? '' : `told ${arm}, sent ${wrong.step.arm} at ${wrong.step.tokens} tokens`
})

export const KEEPS_DUE: Check = ofGenerations('it asks at next_check_tokens, and sends this number as due_tokens', 'no generation asked twice', (one) => {
  const later = followed(one).filter(({ told }) => !told.isStop && told.nextCheck !== null)
  const wrong = later.find(({ step, told }) => step.dueTokens !== told.nextCheck || step.tokens < told.nextCheck!)
  return later.length === 0 ? null : wrong === undefined ? '' : `next_check_tokens ${wrong.told.nextCheck}: asked at ${wrong.step.tokens}, due_tokens ${wrong.step.dueTokens}`
})

export const RESTS: Check = ofGenerations('it does not ask again where next_check_tokens is null', 'no reply had next_check_tokens null', (one) => {
  if (!one.steps.some(({ told }) => told?.nextCheck === null)) return null
  const wrong = followed(one).find(({ told }) => told.nextCheck === null)
  return wrong === undefined ? '' : `asked again at ${wrong.step.tokens} tokens`
})

const isStarted = ({ steps, isEnrolled }: GenerationRecord): boolean => steps.length > 0 || isEnrolled

const REPORTS = 'it reports every generation, until the outcome is stored once'

/** An outcome without a usable reply may, and must, be sent again. */
export const REPORTS_ONCE: Check = ofGenerations(REPORTS, 'no generation', (one) => {
  if (!isStarted(one)) return null
  const stored = one.outcomes.filter(({ fate }) => fate === 'stored').length
  if (stored === 1) return ''
  return one.outcomes.length === 0 ? 'no outcome' : stored === 0 ? 'its outcome was not sent until it was stored' : `stored by ${stored} calls`
})

/** `null`: it was not reported, which another check says. */
const ofOutcome = (judge: (fields: any, one: GenerationRecord) => string | null) => (one: GenerationRecord): string | null =>
  outcomeOf(one) === undefined || outcomeOf(one).cancelled === true ? null : judge(outcomeOf(one), one)

export const STATES_ARM: Check = ofGenerations('outcomes state the arm, and all tokens', 'no outcome', ofOutcome((fields, one) =>
  problemIf(one.steps.some(({ told }) => told !== null) && fields.arm !== armOf(one), `told ${armOf(one)}, reported ${fields.arm}`) ||
  problemIf(fields.tokens < Math.max(0, ...tokenCounts(one)), `asked at ${Math.max(...tokenCounts(one))} tokens, reported ${fields.tokens}`)))

export const HAS_STEPS: Check = ofGenerations('outcomes of control generations have all steps, with answers', 'no control generation', ofOutcome((fields, one) => {
  if (armOf(one) === 'treated' || fields.steps_complete === false) return null
  if (fields.steps === undefined) return 'no steps'
  const lacking = tokenCounts(one).filter((tokens) => !fields.steps.some((step: any) => step.tokens === tokens))
  return problemIf(lacking.length > 0, `asked at ${lacking.join(', ')} tokens, which are no steps of the outcome`) ||
    problemIf(!fields.steps.some(isGradable), 'no step has em or answer')
}))

export const COUNTS_STEPS: Check = ofGenerations('outcomes say how often it asked (steps_asked)', 'the worker decides locally', ofOutcome((fields, one) =>
  one.steps.length === 0 ? null : problemIf(!(fields.steps_asked >= tokenCounts(one).length), `asked at ${tokenCounts(one).length} token counts, steps_asked ${fields.steps_asked}`)))

export const IS_GRADED: Check = ofGenerations('outcomes have em or an answer', 'no outcome', ofOutcome((fields) => problemIf(!isGradable(fields), 'neither em nor answer')))

export const MARKS_PROMPTS: Check = ofGenerations('generations state group_id with samples, prompt_hash, or samples: 1', 'no outcome', ofOutcome((fields, { steps: [first] }) => {
  if (fields.group_id !== undefined) return problemIf(fields.samples === undefined, 'group_id without samples')
  if (fields.prompt_hash === undefined) return problemIf(fields.samples !== 1, 'none of them')
  return problemIf(first !== undefined && first.promptHash !== fields.prompt_hash, `prompt_hash ${fields.prompt_hash} in the outcome, ${first?.promptHash} in the first step`)
}))

export const LABELS: Check = {
  title: 'it labels the outcomes whose label is wanted',
  judge ({ generations }) {
    const wanted = generations.filter(({ outcomes }) => outcomes.some(({ isLabelWanted }) => isLabelWanted))
    if (wanted.length === 0) return { skip: 'no label was wanted' }
    if (generations.every(({ labels }) => labels === 0)) return { skip: `labels of ${wanted.length} outcomes must come from elsewhere, such as stopgate grade` }
    return { problems: wanted.filter(({ labels }) => labels === 0).map(({ id }) => `${id}: no label`) }
  },
}

const stopOf = (one: GenerationRecord) => one.steps.find(({ told }) => told?.isStop)

export const STOPS: Check = {
  title: 'it stops when told',
  judge ({ generations }) {
    const told = generations.filter(({ steps }) => steps.length > 0 && stopOf({ steps } as GenerationRecord) !== undefined)
    const local = generations.filter((one) => one.steps.length === 0 && armOf(one) === 'treated')
    if (told.length + local.length === 0) return { problems: ['no treated generation had a confidence, so none was told to stop'] }
    return {
      problems: [...told, ...local].flatMap((one) => {
        const stop = stopOf(one)
        const after = stop === undefined ? undefined : one.steps.slice(one.steps.indexOf(stop) + 1)[0]
        const fields = outcomeOf(one)
        return problemIf(after !== undefined, `${one.id}: asked again at ${after?.tokens} tokens`) ||
          problemIf(fields !== undefined && fields.cancelled !== true && fields.stopped !== true, `${one.id}: its outcome does not say stopped: true`) || []
      }),
    }
  },
}

export const STOPS_ONLY_THEN: Check = ofGenerations('it never stops otherwise, nor in the control arm', 'no outcome', ofOutcome((fields, one) => {
  if (fields.stopped !== true) return ''
  return problemIf(armOf(one) === 'control', 'a control generation was stopped') || problemIf(one.steps.length > 0 && stopOf(one) === undefined, 'stopped without being told')
}))

export const SENDS_STOPPED_PROBE: Check = ofGenerations('outcomes of stops have stopped_probe of the step that was stopped', 'nothing was stopped', ofOutcome((fields, one) => {
  if (fields.stopped !== true) return null
  const probe = fields.stopped_probe
  const stop = stopOf(one)
  return problemIf(probe === undefined, 'no stopped_probe') || problemIf(!isGradable(probe), 'stopped_probe has no em, reward or answer') ||
    problemIf(stop !== undefined && probe?.tokens !== stop.tokens, `stopped at ${stop?.tokens} tokens, stopped_probe is of ${probe?.tokens}`)
}))

/** Longest time to wait for a decision, ms: workers should wait half a second. */
const PATIENCE_MS = 2500

export const GIVES_UP: Check = {
  title: `it waits at most ${PATIENCE_MS / 1000} s for a decision`,
  judge ({ exchanges }) {
    const held = exchanges.filter(({ path, waitedMs }) => path.startsWith('/v1/decisions') && waitedMs !== undefined)
    if (held.length === 0) return { skip: 'no call for a decision was held back' }
    return { problems: held.filter(({ waitedMs }) => waitedMs! > PATIENCE_MS).map(({ path, waitedMs }) => `${path}: waited ${(waitedMs! / 1000).toFixed(1)} s`) }
  },
}

export const ASKS_AGAIN: Check = {
  title: 'it asks again once the service answers',
  judge ({ exchanges }) {
    const asked = exchanges.filter(({ path }) => /^\/v1\/(?:decisions|bundle|enrolments)/.test(path))
    const firstFailed = asked.findIndex(({ reply }) => reply === null || reply.status >= 500)
    if (firstFailed === -1) return { skip: 'no call failed' }
    return asked.slice(firstFailed).some(({ reply }) => reply !== null && reply.status < 400)
      ? { problems: [] }
      : { skip: 'the worker ended before the service answered again: let it play longer' }
  },
}

export const CORRECTS: Check = ofGenerations('it does not repeat an outcome that was refused with 400', 'no outcome was refused', ({ outcomes }) => {
  const refused = outcomes.find(({ fate }) => fate === 'refused')
  if (refused === undefined) return null
  const text = JSON.stringify(refused.fields)
  return problemIf(outcomes.filter(({ fields }) => JSON.stringify(fields) === text).length > 1, 'sent again unchanged')
})
