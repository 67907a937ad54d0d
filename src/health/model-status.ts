import type { Service } from '../replica/service.js'
import type { Store } from '../store/store.js'

export interface ModelServices {
  readonly store: Pick<Store, 'kind' | 'isUp'>
  readonly service: Pick<Service, 'ageSeconds' | 'freshness' | 'lag' | 'model'>
  readonly learner: { readonly isLeader: () => boolean }
}

/** The reply of `GET /v1/model`: the model that this replica decides with. */
export function modelStatus ({ store, service, learner }: ModelServices) {
  const { snapshot, links } = service.model()
  return {
    version: snapshot.version,
    state_id: snapshot.stateId,
    levels: [...snapshot.levels],
    contexts: links.size,
    thresholds_in_force: [...links.values()].filter(({ index }) => index !== -1).length,
    age_seconds: service.ageSeconds(),
    stale: service.freshness() !== 'fresh',
    store: { kind: store.kind, up: store.isUp() },
    learner: { leader: learner.isLeader(), log_lag: service.lag() },
  }
}
