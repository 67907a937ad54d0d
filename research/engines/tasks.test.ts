import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'

t.test('the tasks of the test models hold what the engine runs rely on', async (t) => {
  const { stderr } = await promisify(execFile)('python3', ['check_tasks.py'], { cwd: 'research/engines/model' })
  t.match(stderr, /\nOK/)
})
