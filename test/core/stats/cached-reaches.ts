import { reaches } from '../../../src/core/stats/certificate.js'

/** `reaches` without gains, for at most so many outcomes. Its answers are kept, since the runs of a simulation ask for the same counts. */
export function cachedReaches (a: number, bar: number, outcomes: number): (lost: number, kept: number) => boolean {
  const rows: Int8Array[] = []
  return (lost, kept) => {
    const row = rows[lost] ??= new Int8Array(outcomes + 1)
    if (row[kept] === 0) row[kept] = reaches(a, { lost, kept, gained: 0 }, bar) ? 1 : -1
    return row[kept] === 1
  }
}
