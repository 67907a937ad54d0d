import { execFileSync, spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { readProxySettings } from '../../../src/proxy/proxy-settings.js'
import { readConfig } from '../../../src/service/config/config.js'
import { build, temporaryFolder } from '../../helper.js'

const FOLDER = 'docker/kubernetes'
const VALIDATE = 'clients/python/.venv/bin/kubernetes-validate'
/** The oldest whose preStop can sleep, and the newest that the validator knows. */
const VERSIONS = ['1.30', '1.37']
/** Kinds of the Prometheus Operator, of which the validator has no schema. */
const UNKNOWN = ['PodMonitor', 'PrometheusRule', 'ServiceMonitor']

const without = (program: string, remedy: string): string | false => {
  const isMissing = spawnSync(program, ['--help']).error !== undefined && !process.env.CI
  if (isMissing) console.error(`SKIPPED: ${remedy}`)
  return isMissing && remedy
}
const withoutKustomize = without('kustomize', 'kustomize is not on the PATH: apt-get install kustomize')
const withoutValidator = without(VALIDATE, 'npm run test:python once, then clients/python/.venv/bin/pip install kubernetes-validate')

type Overlay = 'redis' | 'monitoring' | 'vllm' | 'proxy'

const built = (overlay: Overlay): string => execFileSync('kustomize', ['build', join(FOLDER, overlay)], { encoding: 'utf8' })
const listed = (overlay: Overlay): any[] => parseAllDocuments(built(overlay)).map((document) => document.toJS())
/** The resources of an overlay by kind, where there is one of each. */
const resources = (overlay: Overlay): Record<string, any> => Object.fromEntries(listed(overlay).map((one) => [one.kind, one]))

/** The arguments of an instruction of the Dockerfile, in the final stage. */
async function instruction (name: string): Promise<string[]> {
  return (await readFile('Dockerfile', 'utf8')).split('\n').findLast((line) => line.startsWith(`${name} `))!.split(' ').slice(1)
}

t.test('kustomize builds manifests that the schemas of Kubernetes accept', { skip: withoutKustomize || withoutValidator }, async (t) => {
  const folder = await temporaryFolder(t)
  for (const overlay of ['monitoring', 'vllm', 'proxy'] as const) { // the first builds upon `redis`
    const file = join(folder, `${overlay}.yaml`)
    await writeFile(file, built(overlay))
    const { status, stdout, stderr } = spawnSync(VALIDATE, ['--strict', ...VERSIONS.flatMap((version) => ['-k', version]), file], { encoding: 'utf8' })
    t.equal(status, 0, stdout + stderr)
    const unknown = [...stdout.matchAll(/Couldn't find schema for kind (\w+)/g)].map(([, kind]) => kind!)
    t.same(new Set(unknown), new Set(overlay === 'monitoring' ? UNKNOWN : []), 'everything else was checked')
  }
})

t.test('the manifests start replicas with the settings that the image and Redis need', { skip: withoutKustomize }, async (t) => {
  const { Deployment: { spec }, ConfigMap: { data, metadata } } = resources('redis')
  const [container] = spec.template.spec.containers
  t.equal(spec.replicas, 2)
  t.same(container.envFrom, [{ configMapRef: { name: metadata.name } }], 'it reads the map under its generated name')

  const env = Object.fromEntries(container.env.map(({ name, value, valueFrom }: any) => [name, value ?? valueFrom.secretKeyRef]))
  t.same(env.REDIS_URL, { name: 'stopgate', key: 'redis-url' }, 'the URL may hold a password, so it is a secret')
  const folder = await temporaryFolder(t)
  const tokens = join(folder, 'tokens.json')
  await writeFile(tokens, JSON.stringify([{ name: 'vllm', role: 'worker', sha256: 'a'.repeat(64) }]))
  const image = Object.fromEntries((await instruction('ENV')).map((pair) => pair.split('=')))
  const config = readConfig({ ...image, ...data, ...env, REDIS_URL: 'rediss://:secret@redis:6379', ACCESS_TOKENS_FILE: tokens })
  t.match(config, { host: '0.0.0.0', port: container.ports[0].containerPort, levels: ['model', 'task'] })
  const { version } = JSON.parse(await readFile('package.json', 'utf8'))
  t.equal(container.image, `stopgate:${version}`)

  const volumes = Object.fromEntries(spec.template.spec.volumes.map(({ name, ...volume }: any) => [name, volume]))
  const mount = container.volumeMounts.find(({ name }: any) => name === 'tokens')
  const [item] = volumes.tokens.secret.items
  t.equal(join(mount.mountPath, item.path), env.ACCESS_TOKENS_FILE, 'the tokens are mounted where the service reads them')
})

t.test('a replica is confined, and stops in the time that it needs', { skip: withoutKustomize }, async (t) => {
  const { spec: { template: { spec } } } = resources('redis').Deployment
  const [container] = spec.containers
  const [user] = await instruction('USER')
  t.equal(`${spec.securityContext.runAsUser}:${spec.securityContext.runAsGroup}`, user, 'it runs as the user of the image')
  t.match(spec, { automountServiceAccountToken: false, securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } })
  t.match(container.securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } })
  const seconds = container.lifecycle.preStop.sleep.seconds + readConfig({}).shutdownSeconds
  t.ok(spec.terminationGracePeriodSeconds > seconds, 'it is not killed before SHUTDOWN_SECONDS are over')
  const limit = container.resources.limits.memory.replace('Mi', ' MiB')
  t.match(await readFile('docs/operate/deployment.md', 'utf8'), `Give each process ${limit}`, 'the limit of memory is the one advised')
})

t.test('probes use only routes that need no token', { skip: withoutKustomize }, async (t) => {
  const { spec } = resources('redis').Deployment
  const { startupProbe, livenessProbe, readinessProbe } = spec.template.spec.containers[0]
  const { send } = await build(t, { ACCESS_TOKENS: JSON.stringify([{ name: 'vllm', role: 'worker', sha256: 'a'.repeat(64) }]) })
  for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) t.equal((await send('GET', httpGet.path)).status, 200, httpGet.path)
  t.equal(livenessProbe.httpGet.path, '/livez', 'a replica without a store is not restarted')
})

t.test('the Prometheus Operator scrapes the Service and loads the rules', { skip: withoutKustomize }, async (t) => {
  const { Service, Deployment, ServiceMonitor, PrometheusRule, PodDisruptionBudget } = resources('monitoring')
  const labels = Deployment.spec.template.metadata.labels
  const selectors = [Service.spec.selector, Deployment.spec.selector.matchLabels, PodDisruptionBudget.spec.selector.matchLabels]
  for (const selector of selectors) t.same(selector, labels)
  t.match(Service.metadata.labels, ServiceMonitor.spec.selector.matchLabels)
  const [endpoint] = ServiceMonitor.spec.endpoints
  t.equal(endpoint.port, Service.spec.ports[0].name)
  t.same(PrometheusRule.spec, parse(await readFile('docker/prometheus/rules.yml', 'utf8')))
  t.match(JSON.stringify(PrometheusRule.spec), `up{job=\\"${Service.metadata.name}\\"}`, 'a ServiceMonitor names the job after the Service')
})

t.test('the Prometheus Operator scrapes proxies and vLLM by their pods', { skip: withoutKustomize }, async (t) => {
  const monitors = listed('monitoring').filter(({ kind }) => kind === 'PodMonitor')
  for (const [overlay, port] of [['proxy', 'admin'], ['vllm', 'http']] as const) {
    const { spec: { template } } = resources(overlay).Deployment
    const { spec } = monitors.find(({ spec }) => spec.selector.matchLabels['app.kubernetes.io/name'] === template.metadata.labels['app.kubernetes.io/name'])
    t.same(spec.selector.matchLabels, template.metadata.labels, overlay)
    t.match(spec.podMetricsEndpoints, [{ port, path: '/metrics' }], overlay)
    t.ok(template.spec.containers[0].ports.some(({ name }: any) => name === port), overlay)
  }
})

t.test('the pool of proxies has settings that the proxy accepts, and asks the service', { skip: withoutKustomize }, async (t) => {
  const { Deployment: { spec }, ConfigMap: { data, metadata }, Service, PodDisruptionBudget } = resources('proxy')
  const [container] = spec.template.spec.containers
  t.same(container.envFrom, [{ configMapRef: { name: metadata.name } }])
  t.same(container.env, [{ name: 'STOPGATE_TOKEN', valueFrom: { secretKeyRef: { name: 'stopgate-worker', key: 'token' } } }])
  t.same(container.args, ['proxy'], 'a command of the image')
  const settings = readProxySettings({ ...data, STOPGATE_TOKEN: 'secret' })
  t.match(settings, { PROXY_HOST: '0.0.0.0', PROXY_ADMIN_HOST: '0.0.0.0', PROXY_ALLOWED_HOSTS: Service.metadata.name })
  const { Service: service } = resources('redis')
  t.equal(settings.PROXY_SERVICE, `http://${service.metadata.name}:${service.spec.ports[0].port}`)
  const ports = Object.fromEntries(container.ports.map(({ name, containerPort }: any) => [name, containerPort]))
  t.same(ports, { http: settings.PROXY_PORT, admin: settings.PROXY_ADMIN_PORT })
  const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe]
  for (const { httpGet } of probes) t.equal(httpGet.port, 'admin', 'every path of the other port is of the model server')
  t.ok(spec.template.spec.terminationGracePeriodSeconds > container.lifecycle.preStop.sleep.seconds + settings.PROXY_SHUTDOWN_SECONDS)
  t.match(container.securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } })
  const { labels } = spec.template.metadata
  for (const selector of [Service.spec.selector, PodDisruptionBudget.spec.selector.matchLabels]) t.same(selector, labels)
  const { version } = JSON.parse(await readFile('package.json', 'utf8'))
  t.equal(container.image, `stopgate:${version}`)
})

t.test('vLLM starts with the plug-in, and in a version with which it was tested', { skip: withoutKustomize }, async (t) => {
  const { Deployment: { spec: { strategy, template: { spec } } }, ConfigMap: { data }, Service } = resources('vllm')
  const [installs] = spec.initContainers
  const [container] = spec.containers
  const read = async (file: string) => await readFile(`clients/python/${file}`, 'utf8')
  const plugin = await read('src/stopgate/vllm_plugin/__init__.py')
  const tested = /^TESTED_VERSIONS = \((.*)\)$/m.exec(plugin)![1]!
  t.match(tested, `"${container.image.split(':v')[1]}"`)
  t.equal(installs.image, container.image, 'the package is installed by the Python that imports it')
  t.match(await read('pyproject.toml'), `\n${data.VLLM_PLUGINS} = "stopgate.vllm_plugin:Plugin"`)
  t.match(plugin, 'os.environ.get("STOPGATE_URL")')
  const { Service: service } = resources('redis')
  t.equal(data.STOPGATE_URL, `http://${service.metadata.name}:${service.spec.ports[0].port}`)
  const env = Object.fromEntries(container.env.map(({ name, value, valueFrom }: any) => [name, value ?? valueFrom.secretKeyRef]))
  t.same(env.STOPGATE_TOKEN, { name: 'stopgate-worker', key: 'token' })
  const [target] = installs.volumeMounts
  t.equal(env.PYTHONPATH, target.mountPath)
  t.match(installs.args[0], ` --target ${target.mountPath} `)
  t.ok(container.volumeMounts.some(({ name, mountPath }: any) => name === target.name && mountPath === target.mountPath))
  const variables = container.command.flatMap((text: string) => /^\$\((\w+)\)$/.exec(text)?.[1] ?? [])
  for (const name of variables) t.ok(data[name], name)
  t.equal(container.ports[0].name, Service.spec.ports[0].targetPort)
  const seconds = Number(container.command[container.command.indexOf('--shutdown-timeout') + 1])
  t.ok(seconds > 0, 'vLLM finishes its requests before it ends')
  t.ok(spec.terminationGracePeriodSeconds > container.lifecycle.preStop.sleep.seconds + seconds)
  t.same(strategy, { type: 'Recreate' }, 'a pod beside the old one would wait for a second GPU')
  t.equal(spec.enableServiceLinks, false, 'the Service is called vllm, and VLLM_PORT is a setting of vLLM')
})

t.test('the init container of vLLM installs only a wheel that was stated', { skip: withoutKustomize }, async (t) => {
  const { Deployment: { spec: { template: { spec } } }, ConfigMap: { data, metadata } } = resources('vllm')
  const [{ command: [program, ...flags], args, envFrom }] = spec.initContainers
  t.same(envFrom, [{ configMapRef: { name: metadata.name } }])
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'python3'), '#!/bin/sh\necho "$@"\n', { mode: 0o755 })
  const start = (wheel: string) => {
    const env = { PATH: `${folder}:${process.env.PATH}`, ...data, STOPGATE_WHEEL: wheel }
    return spawnSync(program, [...flags, ...args], { encoding: 'utf8', env })
  }
  t.match(start(data.STOPGATE_WHEEL), { status: 1, stdout: '', stderr: /^STOPGATE_WHEEL is empty/ }, 'there is no default')
  const [, name] = /^name = "(.*)"$/m.exec(await readFile('clients/python/pyproject.toml', 'utf8'))!
  t.match(args[0], `wheel ${name!.replace('-', '_')} `)
  const { status, stdout } = start('https://files.example/a b.whl')
  t.equal(status, 0)
  t.match(stdout, /^-m pip install .*--no-index .*https:\/\/files\.example\/a b\.whl$/m, 'no index is asked')
})
