#!/usr/bin/env node
import { runCommandLine } from './cli/run-command-line.js'

// The reader has closed its end, as `head` does: end as on Ctrl-C. `process.exit` could crash a command that has a store open.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  if (!process.emit('SIGINT', 'SIGINT')) process.exit(0)
})

// Not process.exit: pending output must be flushed, and `serve` must go on.
process.exitCode = await runCommandLine(process.argv.slice(2), process)
