/**
 * The name of a checkpoint at the end of a part of a path: checkpoint-500, ckpt_500, global_step_500, step=500, iter_0000500. Neither
 * `step-3`, which is how models are named (stepfun-ai/Step-3), nor a longer name such as step-2-mini is one.
 */
const CHECKPOINT = /(?:^|[-_.=])((?:(?:checkpoint|ckpt|iter(?:ation)?)[-_=]|(?:global_?)?step[_=])0*(\d{1,15}))$/i

/** What may follow the name of a checkpoint in that of a file. */
const ENDING = /(?:_\d{4}-\d\d-\d\dT[\d.-]+)?\.json$/

export interface GuessedStep { readonly step: number, readonly name: string }

/** The step that a path or a model's name states; `null` if none does. lm-evaluation-harness writes `__` for a slash. */
export function guessStep (path: string): GuessedStep | null {
  const found = path.replace(ENDING, '').split(/[/\\]|__/).map((part) => CHECKPOINT.exec(part)).findLast((match) => match !== null)
  return found === undefined || found === null ? null : { step: Number(found[2]), name: found[1]! }
}
