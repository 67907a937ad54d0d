import { EventEmitter } from 'node:events'
import { realpathSync } from 'node:fs'
import { BroadcastChannel } from 'node:worker_threads'

/** `appended`: the log has more; `notice`: the version moved. */
type StoreEvent = 'appended' | 'notice'

/** Events between the stores of one folder, which are in one process but may be in several threads. */
export class ThreadNotices {
  readonly #here = new EventEmitter().setMaxListeners(0)
  readonly #elsewhere: BroadcastChannel

  /** @param folder exists */
  constructor (folder: string) {
    this.#elsewhere = new BroadcastChannel(`stopgate ${realpathSync(folder)}`)
    this.#elsewhere.onmessage = (message: unknown) => { this.#here.emit((message as { data: StoreEvent }).data) }
    this.#elsewhere.unref()
  }

  emit (event: StoreEvent): void {
    this.#here.emit(event)
    this.#elsewhere.postMessage(event)
  }

  on (event: StoreEvent, listener: () => void): void { this.#here.on(event, listener) }

  /** Resolves at the next `appended` event, when the events are closed, or after the timeout. */
  appended (withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#here.off('appended', done)
        resolve()
      }
      const timer = setTimeout(done, withinMs)
      this.#here.on('appended', done)
    })
  }

  /** Wakes all waiters of this store. */
  close (): void {
    this.#elsewhere.close()
    this.#here.emit('appended')
  }
}
