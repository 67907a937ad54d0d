import { UsageError } from '../command-line/command-error.js'
import { numberWithin, parseFlags, wholeNumber, readServiceFlags, SERVICE_FLAGS } from '../command-line/flags.js'

export type ImportOptions = ReturnType<typeof readImportOptions>

/** @throws UsageError */
export function readImportOptions (args: readonly string[], env: NodeJS.ProcessEnv) {
  const { values, positionals: files } = parseFlags(args, {
    ...SERVICE_FLAGS,
    run: { type: 'string' },
    follow: { type: 'boolean', default: false },
    poll: { type: 'string', default: '2' },
    context: { type: 'string' },
    percent: { type: 'boolean', default: false },
    suite: { type: 'string' },
    step: { type: 'string' },
    n: { type: 'string' },
    'tokens-mean': { type: 'string' },
    'tokens-metric': { type: 'string' },
    tokenizer: { type: 'string' },
    metric: { type: 'string' },
    filter: { type: 'string' },
  })
  if (files.length === 0) throw new UsageError('import-run needs at least one FILE')
  if (values.run === undefined || values.run === '') throw new UsageError('import-run needs --run NAME')
  if (NO_PATHS.has(values.run)) throw new UsageError('--run must not be . or .., which a URL cannot hold')
  const { step, n, 'tokens-mean': tokens } = values
  for (const flag of ['step', 'tokens-mean'] as const) {
    if (values.follow && values[flag] !== undefined) throw new UsageError(`--${flag} holds for one checkpoint and cannot go with --follow, which expects several`)
  }
  return {
    files,
    run: values.run,
    ...readServiceFlags(values, env),
    isFollowing: values.follow,
    tokenizer: values.tokenizer,
    pollMs: numberWithin('--poll', values.poll, 0.1, 3600) * 1000,
    hints: {
      suite: values.suite,
      metric: values.metric,
      filter: values.filter,
      tokensMetric: values['tokens-metric'],
      isPercent: values.percent,
      context: values.context === undefined ? undefined : readContext(values.context),
      step: step === undefined ? undefined : wholeNumber('--step', step, 0, Number.MAX_SAFE_INTEGER),
      n: n === undefined ? undefined : wholeNumber('--n', n, 1, 1e9),
      tokensMean: tokens === undefined ? undefined : numberWithin('--tokens-mean', tokens, 0, 1e9),
    },
  }
}

/** Names that a URL cannot hold, since clients resolve them as path segments. */
const NO_PATHS: ReadonlySet<string> = new Set(['.', '..'])

function readContext (text: string): Record<string, string> {
  const parts = text.split(',').map((part) => part.split('='))
  if (parts.some((part) => part.length !== 2 || part.includes(''))) throw new UsageError(`--context must be level=value,level=value, not ${JSON.stringify(text)}`)
  return Object.fromEntries(parts)
}
