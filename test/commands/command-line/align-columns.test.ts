import t from 'tap'
import { alignColumns } from '../../../src/commands/command-line/align-columns.js'

t.strictSame(alignColumns([['name', 'n'], ['a', '100'], ['longer', '7']], [true, false]), [
  'name      n',
  'a       100',
  'longer    7',
], 'words to the left, numbers to the right')
t.strictSame(alignColumns([['é', 'x'], ['ab', '']], [true, true]), ['é   x', 'ab'], 'characters count, and nothing trails')
