import { SingleBar } from 'cli-progress'
import type { CommandIo } from '../command-line/command-io.js'
import type { Served } from './play-generation.js'

/** Shows the progress of a replay: a bar on a terminal, otherwise a line every 10 %. */
export function startProgress (total: number, stream: CommandIo['stderr']) {
  let done = 0
  let tokens = 0
  let fullTokens = 0
  const saved = () => `${(100 * (fullTokens === 0 ? 0 : 1 - tokens / fullTokens)).toFixed(1)} %`
  const show = stream.isTTY ? bar(total, stream) : plainLines(total, stream)
  return {
    advance (served: Served) {
      done++
      tokens += served.tokens
      fullTokens += served.run.tokens
      show.update(done, saved())
    },
    stop: show.stop,
  }
}

function bar (total: number, stream: CommandIo['stderr']) {
  const single = new SingleBar({ stream, format: 'replay [{bar}] {percentage} % | {value}/{total} generations | saved {saved} | {eta_formatted} left' })
  single.start(total, 0, { saved: '0.0 %' })
  return { update: (done: number, saved: string) => single.update(done, { saved }), stop: () => single.stop() }
}

function plainLines (total: number, stream: CommandIo['stderr']) {
  let next = 1
  return {
    update (done: number, saved: string) {
      if (done < total * next / 10) return
      while (done >= total * next / 10) next++
      stream.write(`replay: ${(next - 1) * 10} %, ${done} of ${total} generations, saved ${saved} of the tokens\n`)
    },
    stop () {},
  }
}
