import { syncBuiltinESMExports } from 'node:module'
import FakeTimers from '@sinonjs/fake-timers'
import type { Test } from 'tap'

/** What a driven clock replaces. Turns of the event loop, streams, sockets and threads stay real. */
const DRIVEN = ['Date', 'performance', 'hrtime', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] as const

/** Timers of the machine, whatever clock is driven. */
const { setTimeout: startTimer } = globalThis
const nextTurn = globalThis.setImmediate
const machineNow = performance.now.bind(performance)

export interface DrivenClock {
  /** Moves the clock and runs what is due on the way; after each step, what it started has some turns of the event loop. */
  readonly advance: (ms: number, stepMs?: number) => Promise<void>
}

/** Called whenever a test waits for a condition; see `moveWhileWaiting`. */
let movesInWait: (() => Promise<void>) | null = null

/**
 * Stops the clock of this process until the test ends: `Date`, `performance` and timers, those of `node:timers/promises` too, move only
 * when the test advances them. It does not reach other processes, threads, the expiry of Redis and the timeouts of sockets.
 * @param start ms since 1970; the present by default
 */
export function driveClock (t: Pick<Test, 'teardown'>, start = Date.now()): DrivenClock {
  const clock = FakeTimers.install({ now: start, toFake: [...DRIVEN], shouldClearNativeTimers: true })
  syncBuiltinESMExports()
  t.teardown(() => {
    clock.uninstall()
    syncBuiltinESMExports()
  })
  return {
    async advance (ms, stepMs = ms) {
      for (let left = ms; left > 0; left -= stepMs) {
        await clock.tickAsync(Math.min(stepMs, left))
        for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => nextTurn(resolve))
      }
    },
  }
}

/**
 * Drives the clock of this process by the waiting of the test: it stands still but for `stepMs` each time that `until` finds its condition
 * unmet. So a slow machine has as much time for a span, a lease or a list as a fast one.
 */
export function moveWhileWaiting (t: Pick<Test, 'teardown'>, stepMs = 10): DrivenClock {
  const clock = driveClock(t)
  movesInWait = () => clock.advance(stepMs)
  t.teardown(() => { movesInWait = null })
  return clock
}

/** A pause between two looks at a condition, ms. */
export async function pauseInWait (ms: number): Promise<void> {
  if (movesInWait === null) return await sleep(ms)
  await movesInWait()
  await sleep(1) // for what goes on in threads and on disk
}

/**
 * Lets computations seem to take time: timers go on as they are, and `performance.now` is later by what was spent, until the test ends.
 * @returns spends ms
 */
export function spendTime (t: Pick<Test, 'teardown'>): (ms: number) => void {
  let spent = 0
  performance.now = () => machineNow() + spent
  t.teardown(() => { Reflect.deleteProperty(performance, 'now') })
  return (ms) => { spent += ms }
}

/** Waits on the machine's own clock: for helpers that poll, and for nothing else. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => { startTimer(resolve, ms) })

/** ms on the machine's own clock. */
export const elapsed = (): number => machineNow()
