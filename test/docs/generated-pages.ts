import { readFile } from 'node:fs/promises'
import { runCommandLine } from '../../src/cli/run-command-line.js'
import { SettingsSchema } from '../../src/service/config/settings.js'
import { ERROR_CODES } from '../../src/errors/error-codes.js'
import { captureIo } from '../cli/command-line/captured-io.js'

interface Setting {
  readonly type?: string,
  readonly enum?: readonly string[],
  readonly default?: unknown
  readonly minimum?: number,
  readonly maximum?: number,
  readonly description?: string
}

const cell = (text: string) => text.replaceAll('|', '\\|')
const code = (text: string) => text === '' ? '' : `\`${cell(text)}\``

function rangeOf ({ type, minimum, maximum, enum: values }: Setting): string {
  if (values) return values.map(code).join(', ')
  if (type === 'boolean') return '`true`, `false`'
  if (minimum === undefined || type === 'string') return ''
  return maximum === undefined ? `${minimum} or more` : `${minimum} to ${maximum}`
}

function settingsPage (): string {
  const rows = Object.entries(SettingsSchema.properties as Record<string, Setting>)
    .map(([name, setting]) => `| ${code(name)} | ${code(String(setting.default))} | ${rangeOf(setting)} | ${cell(setting.description ?? '')} |`)
  return `# Settings

The service reads its settings from the environment when it starts. An invalid setting ends the start with a message that names it.

All replicas of one store must have the same \`CONTEXT_LEVELS\` and \`DEFAULT_POLICY\`. **A change of
\`CONTEXT_LEVELS\` drops the evidence of the old levels**; the log and the history say so.

| name | default | values | meaning |
|---|---|---|---|
${rows.join('\n')}
`
}

function errorsPage (): string {
  const rows = ERROR_CODES.map(({ code: name, status, message }) => `| ${code(name)} | ${status} | ${cell(message)} |`)
  return `# Errors

An error has a stable \`code\`, the HTTP status and a message that says how to correct the request. If a part of the input is
wrong, \`details\` names it. A \`…\` stands for the variable part of a message.

* **429 and 503**: nothing was kept. Send the same request again, after \`Retry-After\` where it is given. An outcome that is sent again counts once.
* **Other 4xx**: change the request before you send it again.
* **500**: a defect of the service. The message has the id of the request, under which the log has the details.

| code | status | message |
|---|---|---|
${rows.join('\n')}
`
}

/** The output of a command with `--help`. */
async function helpOf (...words: string[]): Promise<string> {
  const io = captureIo()
  await runCommandLine([...words, '--help'], io)
  return io.out()
}

/** Commands that the overview or another page explains. */
const WITHOUT_SECTION = ['serve', 'vectors', 'openapi', 'proxy', 'demo', 'token', 'conformance']

async function cliPage (): Promise<string> {
  const overview = await helpOf()
  const commands = [...overview.matchAll(/^ {2}([a-z-]+) /gm)].map(([, name]) => name!).filter((name) => !WITHOUT_SECTION.includes(name))
  const sections = await Promise.all(commands.map(async (name) => `## stopgate ${name}\n\n\`\`\`text\n${await helpOf(name)}\`\`\`\n`))
  return `# Command line

In a checkout the command is \`npx stopgate\`. In the Docker image the arguments of \`docker run\` follow the image's name.
The exit code is 1 if a command could not do all of its work, and 2 if it was called wrongly. Pass tokens in
\`STOPGATE_TOKEN\`, since other users of the machine can see the arguments of a command.

\`\`\`text
${overview}\`\`\`

Other pages have the [options of the proxy](proxy.md), the [settings of the service](../operate/settings.md), and explain
[\`token\`](../operate/security.md#tokens) and [\`conformance\`](../integrate/conformance.md).

${sections.join('\n')}`
}

async function proxyPage (): Promise<string> {
  return `# stopgate proxy

[The proxy](../integrate/proxy.md) takes each option as a flag or from the environment.

\`\`\`text
${await helpOf('proxy')}\`\`\`
`
}

/** The rules for alerts as a resource of the Prometheus Operator. kustomize reads no file outside its folder, so it is a copy. */
async function prometheusRule (): Promise<string> {
  const rules = await readFile('docker/prometheus/rules.yml', 'utf8')
  return `# docker/prometheus/rules.yml, copied by \`npm run docs\`: do not edit.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: stopgate
spec:
${rules.replaceAll(/^(?=.)/gm, '  ')}`
}

/** The text of every page that is made from the code, and of the copied rules, by its path. */
export async function generatedPages (): Promise<Record<string, string>> {
  return {
    'docs/operate/settings.md': settingsPage(),
    'docs/reference/errors.md': errorsPage(),
    'docs/reference/cli.md': await cliPage(),
    'docs/reference/proxy.md': await proxyPage(),
    'docker/kubernetes/monitoring/rules.yaml': await prometheusRule(),
  }
}
