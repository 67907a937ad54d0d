import { readFileSync } from 'node:fs'
import { build } from 'esbuild'
import { Window } from 'happy-dom'
import type { Test } from 'tap'
import { until } from '../helper.js'
import { canvasAdapter, Path2D } from './canvas.js'
import { readerOf } from './page-reader.js'

/** A reply of the service. `body`: JSON */
export interface Reply { readonly status: number, readonly body: unknown }

export interface Request { readonly method: string, readonly path: string, readonly body: unknown, readonly token: string | null }

/** The service as the page sees it. An answer that throws is a service that cannot be reached. */
export type Service = (request: Request) => Reply | Promise<Reply>

interface PageOptions {
  /** Data that the browser has kept from earlier visits. */
  readonly localStorage?: Record<string, string>
  readonly colorScheme?: 'light' | 'dark'
  /** Whether the service sends events when something changes. */
  readonly hasEvents?: boolean
  /** Of the window; 390 px is a phone. */
  readonly width?: number
}

/** The page's code and style, from its source files, so that errors have readable stacks. */
const bundled = build({
  entryPoints: ['src/page/page.tsx'], bundle: true, write: false, outdir: 'page', logLevel: 'warning',
}).then(({ outputFiles }) => {
  const textOfFile = (end: string) => outputFiles.find(({ path }) => path.endsWith(end))!.text
  return { script: textOfFile('.js'), style: textOfFile('.css') }
})

const [, BODY = ''] = /<body>([^]*)<\/body>/.exec(readFileSync('src/page/index.html', 'utf8'))!

/** happy-dom has no layout: every element has this width. */
const WIDTH = 800

/** Frames between a reply and what it changes, with some to spare. */
const QUIET_FRAMES = 4

/** Opens the page at an address such as `#/changes`, and waits until it has read what it shows. It closes after the test. */
export async function openPage (t: Test, hash: string, service: Service, options: PageOptions = {}) {
  const { colorScheme = 'light', hasEvents = true, width = 1280 } = options
  const window = new Window({
    url: `http://localhost/${hash}`,
    width,
    settings: {
      enableJavaScriptEvaluation: true,
      suppressInsecureJavaScriptEnvironmentWarning: true,
      device: { prefersColorScheme: colorScheme },
      canvasAdapter,
    },
  })
  const { document } = window
  Object.defineProperty(window.HTMLElement.prototype, 'clientWidth', { get: () => WIDTH })
  for (const [key, value] of Object.entries(options.localStorage ?? {})) window.localStorage.setItem(key, value)
  const { fetch, requests, isAnswering, streams } = connect(service, hasEvents)
  Object.assign(window, { fetch, Path2D })

  const { script, style } = await bundled
  document.head.append(Object.assign(document.createElement('style'), { textContent: style }))
  document.body.innerHTML = BODY
  window.eval(script)
  t.teardown(async () => {
    const reported = window.happyDOM.virtualConsolePrinter.readAsString()
    await window.happyDOM.close()
    if (reported !== '') throw new Error(`The console reports: ${reported}`)
  })

  let hasChanged = false
  new window.MutationObserver(() => { hasChanged = true })
    .observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true })

  /** Preact runs effects after a frame. Those that were due before this call have then run. */
  const frame = async () => await new Promise((resolve) => { window.requestAnimationFrame(() => { window.setTimeout(resolve) }) })

  /** Waits until all replies have come and are shown, that is for frames in which nothing happens. */
  async function settled (): Promise<void> {
    for (let quiet = 0; quiet < QUIET_FRAMES; quiet++) {
      hasChanged = false
      await frame()
      if (hasChanged || isAnswering()) quiet = 0
    }
  }

  const reader = readerOf(window)
  const page = {
    ...reader,
    window,
    /** Requests for figures and changes, in their order. */
    requests,
    until,
    settled,
    /** Waits until a text is shown. */
    shows: async (text: string | RegExp) => {
      await until(`the page shows ${text}`, () => typeof text === 'string' ? page.text().includes(text) : text.test(page.text()))
    },
    /** Clicks on a button or a link. */
    click: async (name: string) => {
      const found = reader.control(name)
      if (found.hasAttribute('disabled')) throw new Error(`${name} is disabled`)
      found.click()
      await settled()
    },
    /** Types a text into a field, or chooses it. */
    fill: async (label: string, value: string) => {
      const field = reader.field(label)
      field.value = value
      for (const type of ['input', 'change']) field.dispatchEvent(new window.Event(type, { bubbles: true }))
      await settled()
    },
    /** Chooses one of several radio buttons. */
    choose: async (label: string) => {
      reader.field(label).click()
      await settled()
    },
    /** Sends an event of the service, such as the one after a change. */
    send: async (event: 'hello' | 'change') => {
      for (const stream of streams) stream.enqueue(new TextEncoder().encode(`event: ${event}\ndata: {}\n\n`))
      await settled()
    },
    /** Ends the streams of events, as a service does that shuts down. */
    endEvents: async () => {
      for (const stream of streams) stream.close()
      streams.clear()
      await settled()
    },
  }
  await settled()
  return page
}

/** The page's way to the service. */
function connect (service: Service, hasEvents: boolean) {
  const requests: Request[] = []
  const streams = new Set<ReadableStreamDefaultController<Uint8Array>>()
  let pending = 0

  function openEvents (): Response {
    let mine: ReadableStreamDefaultController<Uint8Array>
    return new Response(new ReadableStream({ start (stream) { streams.add(mine = stream) }, cancel () { streams.delete(mine) } }))
  }

  async function fetch (path: string, init: { method: string, headers: Record<string, string>, body?: string }): Promise<Response> {
    if (path === 'v1/events' && hasEvents) return openEvents()
    const body = init.body === undefined ? undefined : JSON.parse(init.body)
    const request = { method: init.method, path, body, token: init.headers.authorization?.replace('Bearer ', '') ?? null }
    requests.push(request)
    pending++
    try {
      const reply = await service(request)
      return reply.status === 204 ? new Response(null, { status: 204 }) : Response.json(reply.body, { status: reply.status })
    } finally {
      pending--
    }
  }

  return { fetch, requests, streams, isAnswering: () => pending > 0 }
}
