#!/usr/bin/env node
import { runCommandLine } from './cli/run-command-line.js'

// The reader has closed its end, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

// Not process.exit: pending output must be flushed, and `serve` must go on.
process.exitCode = await runCommandLine(process.argv.slice(2), process)
