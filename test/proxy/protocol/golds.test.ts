import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { goldOf, readGolds } from '../../../src/proxy/protocol/golds.js'
import { temporaryFolder } from '../../helper.js'

async function file (t: Test, text: string): Promise<string> {
  const path = join(await temporaryFolder(t), 'gold.jsonl')
  await writeFile(path, text)
  return path
}

t.test('the right answer is that of the last message from the user, or of the text to complete', async (t) => {
  const golds = readGolds(await file(t, '{"prompt": " What is 6 * 7?\\n", "gold": "42"}\n\n{"prompt": "2 + 2 =", "gold": "4"}\r\n'))
  const user = (content: unknown) => ({ role: 'user', content })
  t.equal(goldOf(golds, { messages: [user('2 + 2 ='), { role: 'assistant', content: '4' }, user('What is 6 * 7? ')] }), '42')
  t.equal(goldOf(golds, { messages: [user([{ type: 'text', text: 'What is ' }, { type: 'text', text: '6 * 7?' }])] }), '42')
  t.equal(goldOf(golds, { prompt: '2 + 2 =' }), '4')
  for (const body of [{}, { messages: [] }, { messages: [user('What is 6 * 8?')] }, { prompt: [1, 2] }, { messages: 'x' }, { messages: [null] }]) {
    t.equal(goldOf(golds, body), null, JSON.stringify(body))
  }
})

t.test('a file that is no list of right answers is refused, with the line', async (t) => {
  const long = JSON.stringify({ prompt: 'x', gold: 'y'.repeat(4097) })
  for (const line of ['{', '[]', '{"prompt": "x"}', '{"prompt": "x", "gold": 4}', '{"prompt": "x", "gold": ""}', long, '{"prompt": " a", "gold": "2"}']) {
    const path = await file(t, `{"prompt": "a", "gold": "1"}\n${line}`)
    t.throws(() => readGolds(path), { name: 'ConfigError', message: new RegExp(`^PROXY_GOLD: ${path}:2: `) }, line.slice(0, 40))
  }
  t.throws(() => readGolds('/no/such/file'), { name: 'ConfigError', message: /^PROXY_GOLD: the file can't be read: ENOENT/ })
})
