import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { readConfig } from '../../src/config.js'
import { build } from '../helper.js'

const dockerfile = (await readFile('Dockerfile', 'utf8')).replaceAll(/\\\n\s*/g, '')
const lines = dockerfile.split('\n')
/** The value of an instruction in exec form, in the final stage. */
const command = (instruction: RegExp): string[] => JSON.parse(lines.findLast((line) => instruction.test(line))!.replace(instruction, ''))

t.test('the health check asks /livez with node alone', async (t) => {
  const [node, ...args] = command(/^HEALTHCHECK .*CMD /)
  t.equal(node, 'node')
  const exitCode = async (port: number) => await new Promise((resolve) => {
    execFile(process.execPath, args, { env: { PORT: String(port) } }, (error) => { resolve(error?.code ?? 0) })
  })

  const { app } = await build(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  t.equal(await exitCode(port), 0, 'healthy while it serves')
  await app.close()
  t.equal(await exitCode(port), 1, 'unhealthy once it does not')
})

t.test('node is PID 1, as a user by number who owns the data folder alone', async (t) => {
  t.same([...command(/^ENTRYPOINT /), ...command(/^CMD /)], ['node', 'dist/src/cli.js', 'serve'])
  const [, user, group] = dockerfile.match(/^USER (\d+):(\d+)$/m)!
  t.not(user, '0')
  t.match(dockerfile, `--owner=${user} --group=${group} --mode=0700 /data\n`)
  t.match(dockerfile, /^VOLUME \/data$/m)
  t.match(dockerfile, /^ENV .*HOST=0\.0\.0\.0 PORT=8080 DATA_DIR=\/data$/m)
})

t.test('the image opens no door: without tokens it starts only where it is told to', async (t) => {
  const [, settings] = dockerfile.match(/^ENV (NODE_ENV=.*)$/m)!
  const env = Object.fromEntries(settings!.split(' ').map((pair) => pair.split('=')))
  t.throws(() => readConfig(env), { name: 'ConfigError', message: /ALLOW_ANONYMOUS=true/ })
  t.match(readConfig({ ...env, ALLOW_ANONYMOUS: 'true' }), { host: '0.0.0.0', port: 8080 })
})

t.test('the final stage has no development dependencies', async (t) => {
  const final = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')))
  const copied = final.filter((line) => line.startsWith('COPY '))
  t.same(copied, [
    'COPY LICENSE package.json ./',
    'COPY --from=production-dependencies /app/node_modules node_modules',
    'COPY --from=build /app/dist dist',
  ])
  t.match(dockerfile, /AS production-dependencies\n(?:.*\n)*?RUN npm ci --omit=dev\n/)
})
