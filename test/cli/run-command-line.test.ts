import t from 'tap'
import { runCommandLine } from '../../src/cli/run-command-line.js'
import { captureIo } from './command-line/captured-io.js'

async function run (...words: string[]) {
  const io = captureIo()
  return { code: await runCommandLine(words, io), out: io.out(), err: io.err() }
}

t.match(await run('--help'), { code: 0, out: /serve.*\n.*estimate.*\n.*evaluate.*\n.*import-run.*\n.*conformance.*\n.*token.*\n.*vectors.*\n.*openapi/, err: '' })
t.match(await run('-h'), { code: 0, out: /^Usage: stopgate/ })
t.match(await run('--version'), { code: 0, out: /^\d+\.\d+\.\d+\n$/, err: '' })
for (const command of ['serve', 'evaluate', 'import-run', 'conformance', 'token', 'vectors', 'openapi', 'export', 'import']) {
  t.match(await run(command, '--help'), { code: 0, out: new RegExp(`^Usage: stopgate ${command}`), err: '' }, `${command} has a usage text`)
}
t.match(await run('frobnicate'), {
  code: 2, out: '', err: /unknown command "frobnicate".*serve, demo, proxy, estimate, evaluate, import-run, conformance, token, vectors, openapi, export, import\nTry: stopgate --help/,
})
t.match(await run('constructor'), { code: 2, err: /unknown command "constructor"/ })
t.match(await run('--port', '1'), { code: 2, err: /--port.*\nTry: stopgate serve --help/ }, 'without a command it runs serve')
t.match(await run('serve', 'now'), { code: 2, err: /serve takes no arguments/ })
t.match(await run('evaluate'), { code: 2, err: /needs a FILE.*\nTry: stopgate evaluate --help/ })
t.match(await run('evaluate', '--simulate', '0'), { code: 2, err: /--simulate must be/ })
t.match(await run('evaluate', '/nowhere.jsonl'), { code: 1, err: 'stopgate: /nowhere.jsonl: ENOENT: no such file or directory, open \'/nowhere.jsonl\'\n' })
