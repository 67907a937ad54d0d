import t, { type Test } from 'tap'
import { EmbeddedStore } from '../../src/store/embedded-store.js'
import { openTables } from '../../src/store/embedded-tables.js'
import { temporaryFolder } from '../helper.js'
import { batch } from './fixtures.js'
import { stepsAt } from './record-ground.js'

const at = Math.ceil(Date.now() / 1000)

/** A folder of a version whose segments were these lines. */
async function folderOf (t: Test, ...segments: string[]): Promise<string> {
  const dataDir = await temporaryFolder(t)
  await put(dataDir, segments)
  return dataDir
}

async function put (dataDir: string, segments: readonly string[]): Promise<void> {
  const { root } = openTables(dataDir)
  const table = root.openDB<Buffer, number>('record_segments', { encoding: 'binary' })
  for (const [i, text] of segments.entries()) table.putSync(i + 1, Buffer.from(text))
  await root.close()
}

async function recordsIn (dataDir: string, ...ids: string[]): Promise<Record<string, unknown>> {
  const store = await EmbeddedStore.open({ dataDir })
  const records = await store.recorded(ids)
  await store.close()
  return Object.fromEntries(records)
}

t.test('steps that an earlier version recorded are kept, and go on', async (t) => {
  const second = '["gone",0,0,0,0]\n["b",0,0,1,' + at + ']\t[7,0.5]\n'
  const dataDir = await folderOf(t,
    `["a",0,0,2,${at}]\t[32,0.5],[64,null,1]\n["gone",0,0,1,${at}]\t[1,0.5]\n["\\u00e9\\u0000\\n",0,0,1,${at}]\t[5,1]\n["over",0,0,1,1]\t[1,0.5]\n`,
    second,
    `["d",0,0,1,${at}]\t[3,1,1]\n["a",1,0,2,${at}]\t[96,0.25,null,"0123456789abcdef"]\t[128,0.75,0,null,{"ü\\t":0.5}]\n`)
  const a = [
    { tokens: 32, confidence: 0.5 }, { tokens: 64, confidence: null, em: 1 }, { tokens: 96, confidence: 0.25, answer_digest: '0123456789abcdef' },
    { tokens: 128, confidence: 0.75, em: 0, signals: { 'ü\t': 0.5 } },
  ]
  const store = await EmbeddedStore.open({ dataDir })
  t.strictSame(Object.fromEntries(await store.recorded(['a', 'gone', 'é\0\n', 'b', 'over', 'd'])), {
    a, 'é\0\n': [{ tokens: 5, confidence: 1 }], b: stepsAt(7), d: [{ tokens: 3, confidence: 1, em: 1 }],
  })
  await store.record(batch([['a', stepsAt(160)]]))
  await store.close()
  t.strictSame(await recordsIn(dataDir, 'a'), { a: [...a, ...stepsAt(160)] }, 'they are taken over once')
  const { root } = openTables(dataDir)
  t.notOk([...root.getKeys()].includes('record_segments'))
  await root.close()
})

t.test('what is damaged is left behind, and what does not follow on what is there begins anew', async (t) => {
  const lines = [
    'x', '["half",0,0', '["no steps",0,0,1]\t[1,0.5]', '[1,0,0,1,1]\t[1,0.5]', `["a",0,0,1,${at}]\t[1,0.`, `["b",0,0,1,${at}]\t[1,0.5]`,
    `["c",0,0,1,${at}]\t[1,0.5]`, `["c",9,9,1,${at}]\t[2,0.5]`,
  ]
  const text = lines.join('\n') + '\n'
  const dataDir = await folderOf(t, text, `["a",1,${text.indexOf('["a"')},1,${at}]\t[2,0.5]\n["b",1,${text.indexOf('["b"')},1,${at}]\t[2,0.5]\nno end`)
  t.strictSame(await recordsIn(dataDir, 'half', 'no steps', 'a', 'b', 'c'), { a: stepsAt(2), b: stepsAt(1, 2), c: stepsAt(2) })
})
