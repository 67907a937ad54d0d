import t from 'tap'
import { CommandError, FileError, UsageError } from '../../../src/cli/command-line/command-error.js'

t.equal(new CommandError('').exitCode, 1)
t.equal(new FileError('').exitCode, 1)
t.equal(new UsageError('').exitCode, 2, 'a malformed command line has an exit code of its own')
