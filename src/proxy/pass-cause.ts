import { warnOnce } from './warn-once.js'

/** Why a request was passed through untouched. */
export const PASS_CAUSES = [
  'route', // no generation
  'off', // X-Stopgate: off
  'service_away', // no bundle, or one that is too old
  'mode_off', // the context's policy
  'body', // too long, compressed, or no JSON object
  'header', // an X-Stopgate header that can't be read
  'tools', 'several_samples', 'structured_output', 'media', 'logprobs', 'stop_strings', 'prompt_list', 'echo', 'unknown_field',
  'seed', // the dialect can't keep sampling as it is
  'dialect', // the dialect can't serve the route
  'not_ready', // the dialect could not be found out
] as const

export type PassCause = typeof PASS_CAUSES[number]

/** What an operator or a client can do about it, where requests are not meant to be passed through. */
const REMEDIES: Partial<Record<PassCause, string>> = {
  body: 'their body is too long (--max-body-bytes), compressed or no JSON object',
  header: "an X-Stopgate header can't be read",
  dialect: 'the proxy can\'t serve them on this kind of model server; --dialect names the kind',
  not_ready: 'the model server cannot be reached, or does not answer as its kind does: check that it runs, then --dialect',
}

/** Warns once of each cause that can be remedied: everything else looks healthy then, and nothing is saved. */
export function passWarner (warn: (message: string) => void): (cause: PassCause) => void {
  const tell = warnOnce<PassCause>(warn)
  return (cause) => {
    const remedy = REMEDIES[cause]
    if (remedy !== undefined) tell(cause, `requests are passed through and not stopped: ${remedy}`)
  }
}
