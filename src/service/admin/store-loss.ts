import { isoTime } from '../../../openapi/wire.js'
import type { Origin } from '../../core/learn/index.js'
import type { Store } from '../../store/store.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'

interface StoreLossServices {
  readonly store: Pick<Store, 'append'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'loss' | 'forgetLoss' | 'refresh'>
}

export type StoreLossReader = ReturnType<typeof createStoreLoss>

/** The loss of the store's contents, of which all replicas warn until an operator acknowledges it. */
export function createStoreLoss ({ store, snapshotHolder }: StoreLossServices) {
  function view () {
    const loss = snapshotHolder.loss()
    return {
      lost: loss !== null,
      kind: loss?.kind ?? null,
      at: loss === null ? null : isoTime(loss.at),
    }
  }
  return {
    view,
    /** Ends the warnings on all replicas. */
    async acknowledge (origin: Required<Origin>) {
      if (snapshotHolder.loss() !== null) {
        await store.append([{ type: 'acknowledgement', ...origin }])
        snapshotHolder.forgetLoss()
        await snapshotHolder.refresh()
      }
      return view()
    },
  }
}
