/** The store cannot be reached or cannot write now. Nothing was acknowledged. */
export class StoreUnavailableError extends Error { override name = 'StoreUnavailableError' }

/** Another learner has the lease or has moved the cursor. Nothing was committed. */
export class LeaseLostError extends Error { override name = 'LeaseLostError' }

/** The state that the caller builds on has changed. Nothing was written. */
export class ConflictError extends Error { override name = 'ConflictError' }

/** The store already has a state. Nothing was imported. */
export class StoreTakenError extends Error {
  override name = 'StoreTakenError'
  constructor () { super('there is a state in the store already, which an import would replace') }
}

/** The log has as many unfolded entries as it may have. Nothing was appended. */
export class StoreFullError extends Error { override name = 'StoreFullError' }
