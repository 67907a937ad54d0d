import { pino } from 'pino'
import t from 'tap'
import { RequestLog } from '../../src/http/request-log.js'

function logOf (level: string) {
  const lines: Record<string, unknown>[] = []
  const parent = pino({ level }, { write: (line: string) => { lines.push(JSON.parse(line)) } })
  let children = 0
  const { child } = parent
  parent.child = function (this: typeof parent, ...args: Parameters<typeof child>) {
    children++
    return child.apply(this, args)
  } as typeof child
  return { lines, made: () => children, log: new RequestLog(parent, level === 'debug' || level === 'trace', 'r1') }
}

t.test('no child logger is created until something is logged', async (t) => {
  const { lines, made, log } = logOf('info')
  log.debug({ big: true }, 'not shown')
  log.trace('not shown')
  log.silent()
  t.equal(made(), 0)
  log.info({ a: 1 }, 'shown')
  log.error(new Error('bad'), 'shown too')
  t.equal(made(), 1)
  t.match(lines, [{ level: 30, reqId: 'r1', a: 1, msg: 'shown' }, { level: 50, reqId: 'r1', msg: 'shown too', err: { message: 'bad' } }])
})

t.test('every level reaches the parent log', async (t) => {
  const { lines, log } = logOf('trace')
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[level](level)
  t.match(lines.map(({ level, msg }) => [level, msg]), [[10, 'trace'], [20, 'debug'], [30, 'info'], [40, 'warn'], [50, 'error'], [60, 'fatal']])
  t.equal(log.level, 'trace')
  log.child({ more: 2 }).info('below')
  t.match(lines.at(-1), { reqId: 'r1', more: 2, msg: 'below' })
})
