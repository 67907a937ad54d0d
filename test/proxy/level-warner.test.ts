import t from 'tap'
import { levelWarner } from '../../src/proxy/level-warner.js'

t.test('each unknown level is told once, with the known ones', async (t) => {
  const told: string[] = []
  const warn = levelWarner((message) => { told.push(message) })
  for (const unknown of [['taks'], ['taks', 'lang'], ['lang']]) warn(unknown, ['model', 'task'])
  t.match(told, [/level taks .*model, task/, /level lang /])
  t.equal(told.length, 2)
})

t.test('names that clients make up do not fill the log', async (t) => {
  let told = 0
  const warn = levelWarner(() => { told++ })
  for (let i = 0; i < 100; i++) warn([`level${i}`], ['model'])
  t.equal(told, 20)
})
