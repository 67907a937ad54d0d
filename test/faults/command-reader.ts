/** Splits what a client sends to Redis into commands, which are arrays of bulk strings. */
export class CommandReader {
  #rest: Buffer = Buffer.alloc(0)

  /** Takes the next chunk, and returns the commands that it completes with their bytes. */
  read (chunk: Buffer): Array<{ name: string, bytes: Buffer }> {
    const commands = []
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (;;) {
      const command = this.#first()
      if (command === null) return commands
      commands.push(command)
      this.#rest = this.#rest.subarray(command.bytes.length)
    }
  }

  #first (): { name: string, bytes: Buffer } | null {
    const header = this.#line(0)
    if (header === null) return null
    let at = header.end
    let name = ''
    for (let i = 0; i < header.number; i++) {
      const size = this.#line(at)
      if (size === null || this.#rest.length < size.end + size.number + 2) return null
      if (i === 0) name = this.#rest.toString('latin1', size.end, size.end + size.number).toLowerCase()
      at = size.end + size.number + 2
    }
    return { name, bytes: this.#rest.subarray(0, at) }
  }

  /** A header such as `*3` or `$7`, and where it ends. */
  #line (start: number): { number: number, end: number } | null {
    const end = this.#rest.indexOf('\r\n', start)
    return end === -1 ? null : { number: Number(this.#rest.toString('latin1', start + 1, end)), end: end + 2 }
  }
}
