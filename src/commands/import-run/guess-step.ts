/**
 * A checkpoint's name at the end of a part of a path: checkpoint-500, ckpt_500, global_step_500, step=500, iter_0000500. `step-3` is not
 * one, since models are called so (stepfun-ai/Step-3), nor is a name that goes on (step-2-mini).
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
