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
