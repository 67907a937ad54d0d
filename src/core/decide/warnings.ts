import { RETRIED_AFTER } from './probe-form.js'

/** A problem, as a clause, and its cure. */
interface Problem { readonly problem: string, readonly cure: string }

/** The checks of whether reports are evidence at all. docs/operate/monitoring.md has a paragraph for each. */
export const EVIDENCE_CHECKS = {
  steps_missing: {
    problem: 'control outcomes lack steps for which a decision was asked, so they count as missing',
    cure: 'send every step with its outcome, and their number as steps_asked',
  },
  grader_broken: {
    problem: 'different answers always have the same EM, equal answers have different EM, or all answers are the same, so no further threshold is certified, and a loss would not be seen',
    cure: 'check the grader and the extraction of answers, as labels.grader_fault of the context says, and then reset the context; while a threshold is in force there, set the mode to off meanwhile',
  },
  grader_unseen: {
    problem: 'EM is the same at all probes of a generation, and no answers are stated, so nobody sees whether the grader works',
    cure: 'send the answer with outcomes and with probed steps, beside em',
  },
  cadences_differ: {
    problem: 'treated generations ask more often than control ones, so they stop where nothing was probed and nothing is certified, or less often, so they save less',
    cure: 'ask at next_check_tokens in both arms, send it as due_tokens with the next step, and then reset the context',
  },
  prompt_unmarked: {
    problem: 'outcomes do not say whether other samples share their prompt; such samples resemble each other and should count once',
    cure: 'send group_id, prompt_hash, or samples 1 where a prompt has no other sample: above twice the bound nothing further is certified',
  },
  answers_unprobed: {
    problem: 'in most control generations no check has an answer, since answers are longer than a probe may be, or probes fail or come too late, so nothing can be certified',
    cure: 'allow longer probes, or give generations with long answers a context of their own with mode off; check the ends of probes in the metrics of the proxy or plug-in',
  },
  left_out_high: {
    problem: 'more control generations are left out of the evidence than may be lost: they were never enrolled, or too late, or there was no room for them',
    cure: 'after an outage of the store, wait; otherwise ask at the first check of each generation, without an arm and under the id of its outcome',
  },
  cancelled_high: {
    problem: 'more control generations are cancelled than may be lost, and a certificate says nothing about them',
    cure: 'report cancelled only where the client went away, and check why clients do',
  },
  probe_form_unfit: {
    problem: `answers that are forced at the end of the reasoning often differ from the real ones, or no form of probe gives the model's own answers: then nothing is probed, and it is tried again after ${RETRIED_AFTER} generations`,
    cure: 'read probe_form of the context; reset the context, so that the form is found again, or state the form of its answers by the option probe and its suffix',
  },
} as const satisfies Record<string, Problem>

export type EvidenceWarning = keyof typeof EVIDENCE_CHECKS

export const EVIDENCE_WARNINGS = Object.keys(EVIDENCE_CHECKS) as EvidenceWarning[]

export function isEvidenceWarning (warning: string): warning is EvidenceWarning { return Object.hasOwn(EVIDENCE_CHECKS, warning) }

/**
 * The warnings about contexts, shown to workers and to operators: the problem, as a clause, and the cure. docs/integrate/worker.md
 * and docs/operate/monitoring.md list them.
 */
export const CONTEXT_PROBLEMS = {
  outcomes_missing: {
    problem: 'most enrolled generations are missing, since their outcomes, steps or labels have not arrived in time',
    cure: 'send every outcome with the ids of its steps, and the wanted labels',
  },
  fidelity_low: {
    problem: 'more than a twentieth of the recent stops served another answer than was probed; where they lost more EM than is allowed, no certified threshold is in force for a time (fidelity.held_until of the context)',
    cure: 'answer from exactly the prefix that was probed, and as the probe did, check that answers are found in the text (an empty answer equals none), and then reset the context to try at once',
  },
  suspended: {
    problem: 'nothing is stopped, since neither drift nor a breach could be seen: half or more of the newest 128 control generations came to nothing, or of the newest 128 stops were refused',
    cure: 'read sight of the context: report every control generation that asked, with its steps and wanted label, and each stop with stopped_probe, and see that lists of enrolments reach the store in time; the threshold then returns by itself',
  },
  arms_differ: {
    problem: 'graded treated generations have a lower EM than control ones, by more than is allowed and more than chance would explain',
    cure: 'compare arms with fidelity in GET /v1/contexts/{key}, and check that both arms are the same model, prompts, sampling and grading',
  },
  tokens_lost: {
    problem: 'over the last whole day probes cost more tokens than stops saved, or a threshold is certified but would save less than its probes cost, so it is not in force',
    cure: 'ask less often (check_every_tokens), use shorter probes, or turn the context off',
  },
  labels_missing: {
    problem: 'labels of early answers that differ from the final one do not come, or come later than before: these answers count as lost, or a loss may be hidden until they come',
    cure: 'send em or a reference with outcomes, or give the labels that GET /v1/contexts/{key}/wanted-labels lists: see whether stopgate grade runs and keeps up; label_advice of a context without any label has the command for the grader that fits',
  },
  score_unavailable: {
    problem: 'the policy names a predictor as the score that is retired, or is not for its label, so nothing is learned or stopped',
    cure: 'set score to "confidence" or to a predictor that is live, or import that predictor again',
  },
  ...EVIDENCE_CHECKS,
} as const satisfies Record<string, Problem>

export type ContextWarning = keyof typeof CONTEXT_PROBLEMS

export const CONTEXT_WARNINGS = Object.keys(CONTEXT_PROBLEMS) as ContextWarning[]

/** The warnings with their problems and cures, for descriptions. */
export const CONTEXT_WARNINGS_TEXT =
  CONTEXT_WARNINGS.map((warning) => `${warning}: ${CONTEXT_PROBLEMS[warning].problem}: ${CONTEXT_PROBLEMS[warning].cure}`).join('. ')

/** Warnings in replies to decisions: why a step may not count as evidence. */
export const DECISION_WARNINGS = ['id_missing', 'context_missing', 'first_step_late', 'asked_early', ...CONTEXT_WARNINGS] as const

export type DecisionWarning = typeof DECISION_WARNINGS[number]
