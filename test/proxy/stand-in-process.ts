import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { startStandIn } from './stand-in.js'

/** The stand-in in a process that can be killed. It prints its URL, then how many streams were ended early; a line releases its streams. */
const standIn = await startStandIn({ teardown () {} } as unknown as Test, {
  pauseAt: 40,
  onAborted: (count) => { process.stdout.write(`${count}\n`) },
})
process.stdout.write(`${standIn.url}\n`)
createInterface(process.stdin).on('line', () => { standIn.release() })
