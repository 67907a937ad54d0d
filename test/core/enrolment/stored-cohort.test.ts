import t from 'tap'
import { newMember } from '../../../src/core/enrolment/member.js'
import { newSlice } from '../../../src/core/enrolment/slice.js'
import { restoreMember, restoreSlice, storeMember, storeSlice } from '../../../src/core/enrolment/stored-cohort.js'
import { cohortWith, draws, KEPT, report } from './cohort-fixtures.js'

const throughStore = <T>(value: T): T => JSON.parse(JSON.stringify(value))

t.test('a member that was only enrolled is stored as a short list', async (t) => {
  const slice = newSlice(3, 0, false)
  for (const arm of ['control', 'treated'] as const) {
    const member = newMember({ u: 0.25, arm, share: 0.5, at: 7, slice })
    const stored = storeMember(member)
    t.strictSame(stored, [0.25, arm === 'control' ? 1 : 0, 0.5, 7, 3])
    t.strictSame(restoreMember(throughStore(stored), new Map([[3, slice]]), newMember), member)
  }
})

t.test('a member with samples and a slice come back as they were', async (t) => {
  const [u] = draws(1)
  const cohort = cohortWith([u!])
  report(cohort, u!, KEPT, 5, 4)
  report(cohort, u!, { kind: 'awaits_label', generation_id: 'g', tokens: 3 }, 5, 4)
  const member = cohort.members.get(u!)!
  const [slice] = cohort.slices
  t.strictSame(restoreMember(throughStore(storeMember(member)), new Map([[slice!.number, slice!]]), newMember), member)
  t.strictSame(restoreSlice(throughStore(storeSlice(slice!))), slice)
})
