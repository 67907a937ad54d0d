import { parseArgs } from 'node:util'
import { ideasTable, playIdeas } from './ideas.js'
import { readRecordings, type Recording } from './recordings.js'
import { detailTable, rowOf, summaryTable } from './tables.js'

// `npm run research -- real FOLDER` prints the tables of docs/what-to-expect.md from a folder of fetched repositories. SEEDS is the number
// of plays of each cell; `--only TEXT` takes only the cells whose model/task contains the text. `real-ideas` in the place of `real` plays
// scores that the service doesn't have.

const USAGE = 'Usage: npm run research -- real FOLDER [--only MODEL/TASK]\n\n' +
  'FOLDER holds recordings such as those of github.com/zhengkid/AutoTTS: files MODEL/TASK.json.'

const { positionals: [program, folder], values: { only = '' } } =
  parseArgs({ allowPositionals: true, options: { only: { type: 'string' } } })
if ((program !== 'real' && program !== 'real-ideas') || folder === undefined) {
  console.error(USAGE)
  process.exit(2)
}
const recordings = readRecordings(folder).filter(({ model, set }) => `${model}/${set}`.includes(only))
if (recordings.length === 0) {
  console.error(`No recordings were found in ${folder}.\n\n${USAGE}`)
  process.exit(1)
}

const settings = { seeds: Array.from({ length: Number(process.env.SEEDS ?? 3) }, (_, i) => i + 1), probeTokens: [10, 20] }
const rowsOf = <Row>(play: (recording: Recording) => Row): Row[] => recordings.map((recording) => {
  console.error(`${recording.model}/${recording.set} ...`)
  return play(recording)
})
if (program === 'real') {
  const rows = rowsOf((recording) => rowOf(recording, settings))
  process.stdout.write(`${summaryTable(rows, settings)}\n\n${detailTable(rows)}\n`)
} else process.stdout.write(`${ideasTable(rowsOf((recording) => playIdeas(recording, settings.seeds)).flat())}\n`)
