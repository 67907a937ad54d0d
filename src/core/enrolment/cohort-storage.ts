import { Admission } from './admission.js'
import { Cohort } from './cohort.js'
import { SliceQueue } from './slice-queue.js'
import { restoreMembers, restoreSlice, storeMembers, storeSlice, type StoredCohort } from './stored-cohort.js'

export function storeCohort ({ epoch, members, parts }: Cohort): StoredCohort {
  const { queue, admission, lookedAt, isChanged } = parts
  return {
    epoch,
    next_slice: queue.next,
    is_publication_next: queue.isPublicationNext,
    looked_at: lookedAt,
    is_changed: isChanged,
    ...admission.store(),
    slices: queue.slices.map(storeSlice),
    ...storeMembers(members.values()),
  }
}

/** The cohort as it was when it was stored. */
export function restoreCohort (stored: StoredCohort): Cohort {
  const slices = stored.slices.map(restoreSlice)
  return new Cohort(stored.epoch, restoreMembers(stored, slices), {
    queue: new SliceQueue(slices, stored.next_slice, stored.is_publication_next),
    admission: new Admission(stored),
    lookedAt: stored.looked_at,
    isChanged: stored.is_changed,
  })
}
