/** The store can't be reached or can't write now; nothing was acknowledged. */
export class StoreUnavailableError extends Error { override name = 'StoreUnavailableError' }

/** Another learner has the lease, or has moved the cursor; nothing was committed. */
export class LeaseLostError extends Error { override name = 'LeaseLostError' }

/** What the caller builds on has moved since it looked; nothing was written. */
export class ConflictError extends Error { override name = 'ConflictError' }

/** There is something in the store already; nothing was imported. */
export class StoreTakenError extends Error {
  override name = 'StoreTakenError'
  constructor () { super('there is a state in the store already, which an import would replace') }
}

/** As many entries wait to be folded as may; nothing was appended. */
export class StoreFullError extends Error { override name = 'StoreFullError' }
