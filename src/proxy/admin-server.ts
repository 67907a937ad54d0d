import { createServer, type Server } from 'node:http'
import type { Registry } from 'prom-client'

/**
 * The proxy's own routes, on a port of their own: every path of the other port may be the upstream's.
 * @param readiness what `GET /readyz` says
 */
export function createAdminServer (registry: Registry, readiness: () => { readonly ready: boolean }): Server {
  return createServer((request, response) => {
    const send = (status: number, type: string, body: string) => { response.writeHead(status, { 'content-type': type }).end(body) }
    switch (request.url) {
      case '/livez': send(200, 'application/json', '{"live":true}'); break
      case '/readyz': {
        const state = readiness()
        send(state.ready ? 200 : 503, 'application/json', JSON.stringify(state))
        break
      }
      case '/metrics':
        registry.metrics().then((text) => { send(200, registry.contentType, text) }, () => { send(500, 'text/plain', 'metrics failed') })
        break
      default: send(404, 'application/json', '{"code":"ROUTE_NOT_FOUND","message":"the routes are /livez, /readyz and /metrics"}')
    }
  })
}
