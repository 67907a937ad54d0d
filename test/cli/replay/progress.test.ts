import t from 'tap'
import { startProgress } from '../../../src/cli/replay/progress.js'
import { captureIo } from '../command-line/captured-io.js'
import { recorded } from '../traces/recorded.js'

const served = { run: recorded('a', 1, [[0.9, 1]]), tokens: 60, em: 1 as const, probeTokens: 0, isStopped: true, arm: 'treated' as const }

t.test('without a terminal a line is printed every 10 %', async (t) => {
  const { stderr, err } = captureIo()
  const { advance, stop } = startProgress(25, stderr)
  for (let i = 0; i < 25; i++) advance(served)
  stop()
  const lines = err().trimEnd().split('\n')
  t.equal(lines.length, 10)
  t.equal(lines[0], 'replay: 10 %, 3 of 25 generations, saved 40.0 % of the tokens')
  t.equal(lines[9], 'replay: 100 %, 25 of 25 generations, saved 40.0 % of the tokens')
})

t.test('with few generations a line may skip several tenths', async (t) => {
  const { stderr, err } = captureIo()
  const { advance } = startProgress(3, stderr)
  advance(served)
  t.match(err(), /^replay: 30 %, 1 of 3/)
})

t.test('a terminal shows a bar', async (t) => {
  const { stderr, err } = captureIo()
  const noop = () => true
  const terminal = Object.assign(stderr, { isTTY: true, columns: 120, cursorTo: noop, clearLine: noop, moveCursor: noop })
  const { advance, stop } = startProgress(2, terminal)
  advance(served)
  advance(served)
  stop()
  t.match(err(), /replay \[.*\] 100 % \| 2\/2 generations \| saved 40\.0 %/)
})
