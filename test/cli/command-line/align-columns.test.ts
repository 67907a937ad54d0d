import t from 'tap'
import { alignColumns } from '../../../src/cli/command-line/align-columns.js'

t.strictSame(alignColumns([['name', 'n'], ['a', '100'], ['longer', '7']], [true, false]), [
  'name      n',
  'a       100',
  'longer    7',
], 'words are aligned to the left, numbers to the right')
t.strictSame(alignColumns([['é', 'x'], ['ab', '']], [true, true]), ['é   x', 'ab'], 'width is counted in characters, and lines have no trailing spaces')
