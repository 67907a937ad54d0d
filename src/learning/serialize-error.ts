import { errWithCause } from 'pino-std-serializers'

/**
 * An error as pino logs it, causes included, in a form that can be posted to another thread: structured cloning would lose its class and
 * fields. Fields that JSON cannot hold are dropped. The learner's thread has no use for the rest of pino.
 */
export function serializeError (error: Error): object {
  try { return JSON.parse(JSON.stringify(errWithCause(error))) } catch {
    const { message, stack } = error
    return { type: error.constructor.name, message, stack }
  }
}
