import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { readConfig } from '../../src/service/config/config.js'
import { makeAuthority, withoutOpenssl } from '../tls-certificates.js'
import { build, temporaryFolder } from '../helper.js'

const dockerfile = (await readFile('Dockerfile', 'utf8')).replaceAll(/\\\n\s*/g, '')
const lines = dockerfile.split('\n')
/** The value of an instruction in exec form, in the final stage. */
const command = (instruction: RegExp): string[] => JSON.parse(lines.findLast((line) => instruction.test(line))!.replace(instruction, ''))

t.test('the health check requests /livez with nothing but Node.js', async (t) => {
  const [node, ...args] = command(/^HEALTHCHECK .*CMD /)
  t.equal(node, '/nodejs/bin/node')
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

t.test('the health check uses HTTPS if the service does', { skip: withoutOpenssl }, async (t) => {
  const [, ...args] = command(/^HEALTHCHECK .*CMD /)
  const { cert, key } = makeAuthority(await temporaryFolder(t)).issue('one')
  const env = { TLS_CERT_FILE: cert, TLS_KEY_FILE: key }
  const { app } = await build(t, env)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  await new Promise<void>((resolve, reject) => {
    const asked = { env: { PORT: String(port), ...env } }
    execFile(process.execPath, args, asked, (error) => { if (error === null) resolve(); else reject(error) })
  })
})

t.test('node is PID 1 and runs as a numeric user that alone can read the data folder', async (t) => {
  t.same([...command(/^ENTRYPOINT /), ...command(/^CMD /)], ['/nodejs/bin/node', 'dist/src/cli.js', 'serve'])
  const [, user, group] = dockerfile.match(/^USER (\d+):(\d+)$/m)!
  t.not(user, '0')
  t.match(dockerfile, `--owner=${user} --group=${group} --mode=0700 /staged/data\n`)
  t.match(dockerfile, `--chown=${user}:${group} /staged /\n`)
  t.match(dockerfile, /^VOLUME \/data$/m)
  t.match(dockerfile, /^ENV .*HOST=0\.0\.0\.0 PORT=8080 DATA_DIR=\/data$/m)
})

t.test('without tokens the image starts only if anonymous access is allowed explicitly', async (t) => {
  const [, settings] = dockerfile.match(/^ENV (NODE_ENV=.*)$/m)!
  const env = Object.fromEntries(settings!.split(' ').map((pair) => pair.split('=')))
  t.throws(() => readConfig(env), { name: 'ConfigError', message: /ALLOW_ANONYMOUS=true/ })
  t.match(readConfig({ ...env, ALLOW_ANONYMOUS: 'true' }), { host: '0.0.0.0', port: 8080 })
})

t.test('the final stage has neither a shell nor development dependencies', async (t) => {
  const final = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM ')))
  t.equal(final[0], 'FROM runtime')
  t.match(dockerfile, /^FROM gcr\.io\/distroless\/nodejs24-debian13 AS runtime$/m)
  t.match(dockerfile, /^FROM node:24-trixie-slim AS base$/m, 'the same Debian (13 is trixie) and Node.js')
  t.notOk(final.some((line) => line.startsWith('RUN ')))
  const copied = final.filter((line) => line.startsWith('COPY '))
  t.same(copied, [
    'COPY --from=production-dependencies --chown=1000:1000 /staged /',
    'COPY LICENSE package.json ./',
    'COPY --from=bill-of-materials /sbom.cdx.json ./',
    'COPY --from=production-dependencies /app/node_modules node_modules',
    'COPY --from=build /app/dist dist',
    'COPY --from=build /app/openapi/openapi.json openapi/',
  ])
  t.match(dockerfile, /AS production-dependencies\n(?:.*\n)*?RUN npm ci --omit=dev && /)
})
