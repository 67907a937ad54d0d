import { readdirSync, readFileSync } from 'node:fs'

const taprc = readFileSync('.taprc', 'utf8')

/** These take longer than it takes to start a process, and run beside the others. */
const ALONE = /core\/\{(.+)\}/.exec(taprc)![1]!.split(',').map((name) => `core/${name}.test.js`)

/** What tap leaves out. Their tests are many and small: in a process each, more than half of their time is its start. */
const FOLDERS = /!\((.+)\)/.exec(taprc)![1]!.split('|')

for (const folder of FOLDERS) {
  for (const file of readdirSync(new URL(`./${folder}/`, import.meta.url), { recursive: true, encoding: 'utf8' }).sort()) {
    const path = `${folder}/${file}`
    if (path.endsWith('.test.js') && !ALONE.includes(path)) await import(new URL(path, import.meta.url).href)
  }
}
