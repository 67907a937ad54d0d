// Builds tap without the plugins that .taprc leaves out, unless that has been done since the last npm ci.
import { readFileSync } from 'node:fs'
import { run } from './run-program.mjs'

const built = readFileSync('node_modules/@tapjs/test/test-built/dist/esm/index.js', 'utf8')
if (['@tapjs/typescript', '@tapjs/mock'].some((plugin) => built.includes(plugin))) await run('tap', ['build'])
