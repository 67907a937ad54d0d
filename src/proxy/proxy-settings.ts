import { Type, type Static } from '#typebox'
import { PROBE_FORM_NAMES, type ProbeForm } from '../core/decide/index.js'
import { ConfigError, readEnvironment } from '../settings/environment.js'
import { DIALECT_NAMES } from './dialects/dialect.js'
import { probeStyle } from './dialects/forced-answer.js'
import { CONTEXT_PATTERNS } from './protocol/client-trust.js'
import { ROUTE_PATTERNS } from './protocol/open-routes.js'

const choice = <T extends string> (values: readonly T[], fallback: T, description: string) =>
  Type.Unsafe<T>({ type: 'string', enum: [...values], default: fallback, description })

/** Every setting of the proxy, named as in the environment. PROXY_MAX_REQUESTS is `--max-requests` on the command line. */
export const ProxySettingsSchema = Type.Object({
  PROXY_UPSTREAM: Type.String({ default: '', description: 'Address of the model server, such as http://127.0.0.1:8000; required' }),
  PROXY_SERVICE: Type.String({ default: 'http://127.0.0.1:8080', description: 'Address of the stopgate service' }),
  PROXY_HOST: Type.String({ default: '127.0.0.1', minLength: 1, description: 'Address to listen on' }),
  PROXY_ALLOWED_HOSTS: Type.String({ default: '', pattern: '^(\\*|[A-Za-z0-9._:-]+(, ?[A-Za-z0-9._:-]+)*)?$', description: 'Hosts by which clients may call the proxy, besides those of this machine: names without ports, separated by commas; *: any, where a gateway checks them' }),
  PROXY_PORT: Type.Integer({ default: 8081, minimum: 0, maximum: 65535, description: 'Port for clients; 0: any free port' }),
  PROXY_ADMIN_HOST: Type.String({ default: '127.0.0.1', minLength: 1, description: 'Address to listen on for --admin-port, which asks for no token' }),
  PROXY_ADMIN_PORT: Type.Integer({ default: 8082, minimum: 0, maximum: 65535, description: 'Port for /metrics, /readyz and /livez, separate because the paths of the other port belong to the model server' }),
  PROXY_DIALECT: choice(['auto', ...DIALECT_NAMES], 'auto', 'Kind of model server; auto: detect it'),
  PROXY_PREFIX: Type.String({ default: '*', minLength: 1, description: 'Key of the context that contains all generations; the token must have access to it' }),
  PROXY_PROBE: choice(['auto', ...PROBE_FORM_NAMES], 'auto', 'How an answer is forced; auto: as the first generations show. With "Final answer:" (plain), in \\boxed{}, as a letter, as JSON, or only with the end of the reasoning (direct)'),
  PROXY_PROBE_SUFFIX: Type.String({ default: '', description: 'Text after the end of the reasoning that forces an answer; empty: the text of --probe. Not with auto' }),
  PROXY_PROBE_TOKENS: Type.Integer({ default: 0, minimum: 0, maximum: 256, description: 'Largest number of tokens of a forced answer; 0: as many as the answers of the first generations need (auto, up to 64), otherwise 16' }),
  PROXY_THINK_OPEN: Type.String({ default: '<think>', minLength: 1, description: 'Tag that opens the reasoning' }),
  PROXY_THINK_CLOSE: Type.String({ default: '</think>', minLength: 1, description: 'Tag that closes the reasoning' }),
  PROXY_BEFORE_CLOSE: Type.String({ default: '\\n', description: 'Text before the closing tag of stopped reasoning; \\n is a line feed. With auto the model shows it' }),
  PROXY_AFTER_CLOSE: Type.String({ default: '\\n\\n', description: 'Text after the closing tag of stopped reasoning; \\n is a line feed. With auto the model shows it' }),
  PROXY_MAX_REQUESTS: Type.Integer({ default: 4096, minimum: 1, description: 'Largest number of requests in flight, where a request for n samples counts as n; further requests are refused with 503' }),
  PROXY_MAX_BODY_BYTES: Type.Integer({ default: 4 * 2 ** 20, minimum: 1024, description: 'Longest request body that is read; longer ones are passed through (bytes)' }),
  PROXY_BODY_SECONDS: Type.Number({ default: 30, minimum: 0.1, description: 'Time in which the headers of a request, a body up to --max-body-bytes, and each further --max-body-bytes of a longer one must arrive, and in which a client must read something of a reply that waits for it (seconds)' }),
  PROXY_MAX_HELD_MIB: Type.Integer({ default: 1024, minimum: 1, description: 'Memory for the request bodies of clients, without the first 64 KiB of each; beyond it they are refused with 503 (MiB)' }),
  PROXY_ADDRESS_SHARE: Type.Number({ default: 1, exclusiveMinimum: 0, maximum: 1, description: 'Share of --max-requests and --max-held-mib that one client address may have; below 1 only if no load balancer hides the addresses of clients' }),
  PROXY_MAX_PROBES: Type.Integer({ default: 256, minimum: 1, description: 'Largest number of probes in flight; a check beyond it continues without a probe' }),
  PROXY_PROBE_TIMEOUT_MS: Type.Integer({ default: 5000, minimum: 1, description: 'Time after which a probe is given up, and the reasoning goes on (milliseconds)' }),
  PROXY_MAX_STALENESS_SECONDS: Type.Number({ default: 60, minimum: 1, description: 'Time without a reply from the service after which requests are passed through (seconds)' }),
  PROXY_MAX_REPORTS: Type.Integer({ default: 10_000, minimum: 1, description: 'Largest number of outcomes that wait for the service; beyond it the oldest are dropped' }),
  PROXY_SEND_PROMPTS: choice(['no', 'yes'], 'no', 'Whether outcomes of control generations and of stops have the text of their prompt, for graders; the service keeps it only where its policy says store_prompts'),
  PROXY_GOLD: Type.String({ default: '', description: 'File of JSON lines with the right answer to each prompt, which precedes X-Stopgate-Gold; empty: none' }),
  PROXY_TRUST_CLIENTS: choice(['no', 'yes'], 'no', 'Whether labels, groups and contexts that clients state are believed: only where nobody else can send requests, as in benchmarks and trainings'),
  PROXY_CONTEXTS: Type.String({ default: '', pattern: CONTEXT_PATTERNS, description: 'Contexts that clients may name without that trust, such as task=gsm8k,task=math-*, where * stands for any text; empty: none' }),
  PROXY_ROUTES: Type.String({ default: '', pattern: ROUTE_PATTERNS, description: 'Further routes of the model server that clients may call, besides those for inference, such as /rerank,/v1/audio/*, where * stands for any text; *: all; empty: none' }),
  PROXY_SHUTDOWN_SECONDS: Type.Number({ default: 30, minimum: 0.1, description: 'Time that requests in flight have to finish after SIGTERM (seconds)' }),
  STOPGATE_TOKEN: Type.String({ default: '', description: 'Access token for the service; empty: none' }),
  LOG_LEVEL: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info', 'Lowest level that is logged'),
})

export type ProxySettings = Static<typeof ProxySettingsSchema>

/** The flag of a setting. */
export function flagOf (setting: string): string {
  return setting.replace(/^(PROXY|STOPGATE)_/, '').toLowerCase().replaceAll('_', '-')
}

/** Largest number of tokens of a forced answer, unless it is set: while a form is searched for, and where one is stated. */
const SEARCHED_TOKENS = 64
const STATED_TOKENS = 16

/** The probe form that the settings state; `null`: it is found. */
export function statedForm (settings: ProxySettings): ProbeForm | null {
  const { PROXY_PROBE: name, PROXY_PROBE_SUFFIX: suffix, PROXY_PROBE_TOKENS: tokens } = settings
  if (name === 'auto') return null
  const { PROXY_BEFORE_CLOSE: before, PROXY_AFTER_CLOSE: after } = settings
  return { name, suffix: probeStyle(name, suffix).suffix, before, after, tokens: tokens || STATED_TOKENS }
}

/** Largest number of tokens of a forced answer while a form is searched for. */
export function searchedTokens ({ PROXY_PROBE_TOKENS: tokens }: ProxySettings): number { return tokens || SEARCHED_TOKENS }

/** @throws ConfigError that names the setting */
export function readProxySettings (env: NodeJS.ProcessEnv): ProxySettings {
  const settings = readEnvironment(ProxySettingsSchema, env)
  if (settings.PROXY_PROBE === 'auto' && settings.PROXY_PROBE_SUFFIX !== '') {
    throw new ConfigError(`PROXY_PROBE_SUFFIX needs a PROXY_PROBE that says how the answer looks: ${PROBE_FORM_NAMES.join(', ')}`)
  }
  return {
    ...settings,
    PROXY_UPSTREAM: addressOf('PROXY_UPSTREAM', settings.PROXY_UPSTREAM).replace(/\/v1$/, ''),
    PROXY_SERVICE: addressOf('PROXY_SERVICE', settings.PROXY_SERVICE),
    PROXY_BEFORE_CLOSE: settings.PROXY_BEFORE_CLOSE.replaceAll('\\n', '\n'),
    PROXY_AFTER_CLOSE: settings.PROXY_AFTER_CLOSE.replaceAll('\\n', '\n'),
    PROXY_PROBE_SUFFIX: settings.PROXY_PROBE_SUFFIX.replaceAll('\\n', '\n'),
  }
}

function addressOf (setting: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.username === '') return text.replace(/(?<!\/)\/+$/, '')
  throw new ConfigError(`${setting} (${JSON.stringify(text)}) must be an http or https URL, such as http://127.0.0.1:8000`)
}
