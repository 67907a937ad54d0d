import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { cli } from '../../service-process.js'
import { type Attacker, attack, inParallel, JSON_TYPE, repeatedly, startVictim } from './victim.js'

// What one client of the proxy can do to the others. To add an attack, add a line.

const MIB = 2 ** 20
const CHAT = '/v1/chat/completions'

/** A proxy in a process of its own, before a model server in another one that answers at once. The service is away. */
async function startProxy (t: Test): Promise<string> {
  const first = async (args: readonly string[], read: (line: string) => string | undefined): Promise<string> => {
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    for await (const line of createInterface(child.stdout)) {
      const found = read(line)
      if (found !== undefined) {
        child.stdout.resume()
        return found
      }
    }
    throw new Error(`${args[0]} has ended`)
  }
  const server = `
    require('node:http').createServer((request, response) => {
      request.resume().on('end', () => response.setHeader('content-type', 'application/json').end('{"choices":[]}'))
    }).listen(0, '127.0.0.1', function () { console.log('http://127.0.0.1:' + this.address().port) })`
  const upstream = await first(['--eval', server], (line) => line)
  const flags = ['--upstream', upstream, '--service', 'http://127.0.0.1:9', '--port', '0', '--admin-port', '0']
  return await first([cli, 'proxy', ...flags], (line) => JSON.parse(line).msg === 'stopgate proxy is listening' ? JSON.parse(line).url : undefined)
}

const LARGE = Buffer.alloc(4 * MIB - 1024, 'x')
const LONG = Buffer.alloc(4 * MIB + 1, 'x')
const NESTED = Buffer.from('['.repeat(2 * MIB) + ']'.repeat(2 * MIB))
const SMALL_OBJECTS = Buffer.from(`{"messages":[${'{},'.repeat(MIB)}{}]}`)

const post = ({ url }: Attacker, path: string, body: Buffer<ArrayBuffer>) =>
  fetch(url + path, { method: 'POST', headers: JSON_TYPE, body }).then((reply) => reply.text())

const ATTACKS: Readonly<Record<string, (attacker: Attacker) => Promise<unknown>>> = {
  'bodies of which one byte comes': async ({ open }) => { await Promise.all(Array.from({ length: 1000 }, () => open(CHAT, 1000, '{'))) },
  'large bodies that lack their end': async ({ open }) => {
    await Promise.all(Array.from({ length: 100 }, () => open(CHAT, 4 * MIB, LARGE)))
  },
  'long bodies for another route that trickle in': async (attacker) => {
    const sockets = await Promise.all(Array.from({ length: 20 }, () => attacker.open('/v1/embeddings', 100 * MIB, LONG)))
    await repeatedly(attacker, 100, async () => { for (const socket of sockets) socket.write('x') })
  },
  'nested bodies': (attacker) => inParallel(attacker, 4, () => post(attacker, CHAT, NESTED)),
  'bodies of a great many small objects': (attacker) => inParallel(attacker, 4, () => post(attacker, CHAT, SMALL_OBJECTS)),
  'clients that leave': (attacker) => inParallel(attacker, 16, async () => {
    const socket = await attacker.open(CHAT, 10, '{"a"')
    socket.destroy()
  }),
}

t.test('a client of the proxy is served', async (t) => {
  const url = await startProxy(t)
  const watch = await startVictim(t, url, 'chat')
  for (const [name, run] of Object.entries(ATTACKS)) await t.test(`beside ${name}`, (t) => attack(t, url, watch, run))
})
