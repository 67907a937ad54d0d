import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { replaceEvents, type SuiteEvent } from '../../../src/cli/export-run/replace-events.js'
import { temporaryFolder, until } from '../../helper.js'

const PROGRAM = process.env.TENSORBOARD ?? 'clients/python/.venv/bin/tensorboard'
const skip = existsSync(PROGRAM) ? false : `TensorBoard is missing: run npm run test:python once, which installs ${PROGRAM}, or name the program in TENSORBOARD`

const event = (suite: string, step: number, value: number): SuiteEvent => ({ suite, step, wallTime: step, scalars: [{ tag: `eval/${suite}/exact_match`, value }] })

for (const loader of ['false', 'true']) {
  t.test(`an open TensorBoard (--load_fast ${loader}) shows appended and replaced steps`, { skip }, async (t) => {
    const folder = join(await temporaryFolder(t), 'r')
    await mkdir(folder)
    await replaceEvents(folder, [event('a', 1, 0.25), event('a', 2, 0.5), event('b', 1, 0.75)])
    const board = spawn(PROGRAM, ['--logdir', join(folder, '..'), '--port', '0', '--reload_interval', '1', '--load_fast', loader])
    t.teardown(() => board.kill())
    let output = ''
    for (const stream of [board.stdout, board.stderr]) stream.on('data', (part) => { output += part })
    const url = await until('TensorBoard serves', () => /http:\/\/[^/]+:\d+/.exec(output)?.[0])
    /** Steps and values of a suite. */
    const shown = async (suite: string): Promise<string> => {
      const reply = await fetch(`${url}/data/plugin/scalars/scalars?run=r&tag=eval/${suite}/exact_match`)
      return reply.ok ? (await reply.json() as number[][]).map(([, step, value]) => `${step}: ${value}`).join(', ') : ''
    }
    const shows = async (suite: string, series: string) => {
      let last = ''
      await until(`${suite} is ${series}`, async () => { last = await shown(suite); return last === series }, 60).catch((error: Error) => t.comment(`${error.message}; it shows ${last}: ${output}`))
      t.equal(last, series)
    }
    await shows('a', '1: 0.25, 2: 0.5')
    await replaceEvents(folder, [event('a', 1, 0.25), event('a', 2, 0.5), event('a', 3, 0.5), event('b', 1, 0.75), event('b', 3, 0.875)])
    await shows('a', '1: 0.25, 2: 0.5, 3: 0.5')
    await shows('b', '1: 0.75, 3: 0.875')
    await replaceEvents(folder, [event('a', 1, 0.375), event('a', 2, 0.5), event('a', 3, 0.5), event('b', 1, 0.75), event('b', 2, 0.125), event('b', 3, 0.875)])
    await shows('a', '1: 0.375, 2: 0.5, 3: 0.5')
    await shows('b', '1: 0.75, 2: 0.125, 3: 0.875')
    await replaceEvents(folder, [event('a', 1, 0.375), event('a', 2, 0.5), event('a', 3, 0.5), event('a', 4, 1), event('b', 1, 0.75), event('b', 2, 0.125), event('b', 3, 0.875)])
    await shows('a', '1: 0.375, 2: 0.5, 3: 0.5, 4: 1')
    t.notMatch(output, /BadLengthCrc|DataLoss|Traceback/)
  })
}
