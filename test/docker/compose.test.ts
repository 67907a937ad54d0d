import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'

const read = async (file: string) => parse(await readFile(file, 'utf8'), { merge: true })

const compose = await read('docker/compose.yaml')
const { services } = compose
const replicas = Object.keys(services).filter((name) => services[name].image === 'stopgate:local')

t.test('compose.yaml is valid by the Compose Specification\'s schema', async (t) => {
  // dclint contains the schema but does not export it. Its `$schema` is a misspelt draft-07, which is ajv's default.
  const file = new URL('schemas/compose.schema.json', import.meta.resolve('dclint/package.json'))
  const { $schema: _draft07, ...schema } = JSON.parse(await readFile(fileURLToPath(file), 'utf8'))
  const valid = new Ajv({ allErrors: true, strict: false, validateFormats: false }).compile(schema)
  t.ok(valid(compose), JSON.stringify(valid.errors))
  t.notOk(valid({ services: { redis: { image: 'redis:8', comand: [] } } }), 'a misspelt key is invalid')
})

t.test('two replicas share a build and have different ports', async (t) => {
  t.equal(replicas.length, 2)
  for (const name of replicas) {
    const { ports: _ports, ...replica } = services[name]
    const { ports: _first, ...first } = services[replicas[0]!]
    t.same(replica, first, `${name} differs only in its port`)
    t.ok(existsSync(`docker/${replica.build.context}/Dockerfile`))
    t.equal(replica.environment.REDIS_URL, 'redis://redis:6379')
    t.equal(replica.environment.ALLOW_ANONYMOUS, 'true', 'its ports are open to this machine only, as checked below')
    t.ok(replica.environment.ALLOWED_HOSTS.split(',').includes(name), 'other containers call it by its name')
    t.ok('ACCESS_TOKENS' in replica.environment)
  }
  const published = Object.values<any>(services).flatMap(({ ports = [] }) => ports.map((port: string) => port.split(':')))
  t.equal(new Set(published.map(([, port]) => port)).size, published.length, 'no port is published twice')
  t.ok(published.every(([host]) => host === '127.0.0.1'), 'services without a password are published on this machine only')
})

t.test('a replica starts even if Redis is not ready', async (t) => {
  for (const name of replicas) t.same(services[name].depends_on, ['redis'], 'depends_on states an order and no condition')
})

t.test('Redis persists every acknowledged write', async (t) => {
  const command = services.redis.command.join(' ')
  t.match(command, '--appendonly yes')
  t.match(command, '--appendfsync always')
  t.match(command, '--maxmemory-policy noeviction')
  t.match(command, '--maxmemory 1gb')
  t.equal(services.redis.mem_limit, '2g', 'Redis refuses writes before it reaches the limit and is killed')
  t.match(services.redis.image, /^redis:8/)
  const volume = services.redis.volumes.find((mount: string) => mount.endsWith(':/data'))
  t.ok(volume.split(':')[0] in compose.volumes, 'the data are in a named volume')
})

t.test('every service is confined, has a memory limit and a health check, and restarts', async (t) => {
  for (const [name, service] of Object.entries<any>(services)) {
    t.match(service, { read_only: true, restart: 'unless-stopped', cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] }, name)
    t.match(service.mem_limit, /^\d+[mg]$/, name)
    if (!replicas.includes(name)) t.type(service.healthcheck.test, Array, name) // a replica's is in its image: dockerfile.test.ts
    for (const mount of service.volumes ?? []) {
      const [source] = mount.split(':')
      t.ok(source.startsWith('./') ? existsSync(`docker/${source}`) : source in compose.volumes, `${name} finds ${source}`)
    }
  }
})

t.test('Compose gives a replica the time that it needs to stop', async (t) => {
  for (const name of replicas) t.ok(parseInt(services[name].stop_grace_period) > 10, 'SHUTDOWN_SECONDS is 10')
})

t.test('Prometheus scrapes every replica', async (t) => {
  const { scrape_configs: jobs, rule_files: rules } = await read('docker/prometheus/prometheus.yml')
  t.same(jobs.flatMap((job: any) => job.static_configs.flatMap(({ targets }: any) => targets)), replicas.map((name) => `${name}:8080`))
  t.same(rules, ['rules.yml'])
  for (const file of ['prometheus.yml', ...rules]) t.ok(services.prometheus.volumes.includes(`./prometheus/${file}:/etc/prometheus/${file}:ro`))
})

t.test('Grafana finds Prometheus and the dashboard', async (t) => {
  const { datasources } = await read('docker/grafana/provisioning/datasources/prometheus.yaml')
  t.same(datasources.map(({ url }: any) => url), ['http://prometheus:9090'])
  const { providers } = await read('docker/grafana/provisioning/dashboards/stopgate.yaml')
  t.ok(services.grafana.volumes.includes(`./grafana/dashboards:${providers[0].options.path}:ro`))
  const { panels } = JSON.parse(await readFile('docker/grafana/dashboards/stopgate.json', 'utf8'))
  t.ok(panels.every(({ type, datasource }: any) => type === 'row' || datasource.uid === datasources[0].uid))
})
