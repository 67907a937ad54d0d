import { readdirSync, readFileSync } from 'node:fs'

/** These take longer than it takes to start a process, and run beside the others. */
const ALONE = /core\/\{(.+)\}/.exec(readFileSync('.taprc', 'utf8'))![1]!.split(',')

// The tests of the core are many, small and pure: in a process each, more than half of their time is its start.
const folder = new URL('./core/', import.meta.url)
for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
  if (file.endsWith('.test.js') && !ALONE.includes(file.slice(0, -'.test.js'.length))) await import(new URL(file, folder).href)
}
