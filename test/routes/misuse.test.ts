import t from 'tap'
import type { ReportedOutcome } from '../../src/core/outcome/outcome.js'
import { CONTEXT, KEY, report } from '../certify.js'
import { build, type Built, until } from '../helper.js'

// Workers that report what is no evidence. Each misuse gets a warning and no certificate, and the same worker without it gets one.

/** More lossless generations than a first certificate needs. */
const ENOUGH = 300

/** A control outcome that loses nothing at any threshold, but for the changes. */
function controlOutcome (i: number, changes: Partial<ReportedOutcome> = {}): ReportedOutcome {
  return {
    generation_id: `g${i}`, arm: 'control', context: CONTEXT, tokens: 64, answer: String(i), steps: [{ tokens: 32, confidence: 1, answer: String(i) }], ...changes,
  }
}

/** Reports outcomes and waits until they are learned. @returns the context, with what replies and `/readyz` say */
async function learned ({ send, snapshotHolder }: Built, outcomes: readonly ReportedOutcome[]): Promise<any> {
  await report((path, body) => send('POST', path, body), outcomes)
  const context = await until('they are learned', async () => {
    const { body } = await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)
    return body.follow_up?.enrolled === outcomes.length && snapshotHolder.lag() === 0 && body
  })
  return context
}

t.test('an extractor that returns empty text certifies nothing', async (t) => {
  const outcomes = (changes: Partial<ReportedOutcome> = {}) => Array.from({ length: ENOUGH }, (_, i) => controlOutcome(i, changes))
  t.match(await learned(await build(t), outcomes()), { threshold: Number })
  const misused = await learned(await build(t), outcomes({ answer: ' ', steps: [{ tokens: 32, confidence: 1, answer: '' }] }))
  t.match(misused, { threshold: null, warnings: ['outcomes_missing'] })
})
