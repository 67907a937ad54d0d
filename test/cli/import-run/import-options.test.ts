import t from 'tap'
import { readImportOptions } from '../../../src/cli/import-run/import-options.js'

t.test('defaults and units', async (t) => {
  t.match(readImportOptions(['f', '--run', 'r'], { STOPGATE_TOKEN: 's' }), {
    files: ['f'], run: 'r', url: 'http://127.0.0.1:8080', token: 's', isFollowing: false, pollMs: 2000, hints: { isPercent: false, context: undefined },
  })
  t.match(readImportOptions(['f', '--run', 'r', '--poll', '0.5', '--context', 'model=q,task=x', '--step', '3'], {}), {
    pollMs: 500, hints: { context: { model: 'q', task: 'x' }, step: 3 },
  })
})

t.test('a malformed command line is refused', async (t) => {
  const refuses = (args: string[], message: RegExp) => t.throws(() => readImportOptions(args, {}), { name: 'UsageError', message })
  refuses([], /at least one FILE/)
  refuses(['f'], /needs --run NAME/)
  refuses(['f', '--run', '..'], /must not be \. or \.\./)
  refuses(['f', '--run', 'r', '--context', 'model'], /--context must be level=value/)
  refuses(['f', '--run', 'r', '--follow', '--tokens-mean', '5'], /--tokens-mean holds for one checkpoint/)
  refuses(['f', '--run', 'r', '--n', '0'], /--n must be/)
})
