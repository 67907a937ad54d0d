#!/usr/bin/env node
import { runCommandLine } from './commands/command-line/run-command-line.js'

// The reader of our output has enough, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

// Not process.exit: output that is still on its way gets out, and `serve` goes on.
process.exitCode = await runCommandLine(process.argv.slice(2), process)
