// Serves the live page on this machine alone: two routes, / and /events, to requests that name 127.0.0.1 or localhost as their host. A
// page elsewhere that has its own name point here (DNS rebinding) is refused by that name; other sites cannot read the events.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { OnestepError } from '../../base/errors.js'
import { livePage, livePolicy } from './livePage.js'
import type { Standing } from './standing.js'

export interface LiveServer {
  readonly url: string
  /** Tells all listeners. */
  tell(standing: Standing): void
  close(): Promise<void>
}

/** Pages that listen at one time. */
const MOST_LISTENERS = 32

const headers = {
  'Content-Security-Policy': livePolicy,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-store',
}

const refuse = (response: ServerResponse, code: number, text: string): void => {
  response.writeHead(code, { ...headers, 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
}

const listen = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new OnestepError(`the page cannot be served on port ${String(port)} of 127.0.0.1`, {
          code: 'ERR_PORT',
          received: cause.message,
          remedy: 'Take another port with --port, or 0 for any that is free',
          cause,
        }),
      )
    })
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })

/**
 * Serves the live page of the study `name`; port 0 is any that is free.
 * @throws {OnestepError} (ERR_PORT) where the port is taken
 */
export const serveLive = async (name: string, port: number): Promise<LiveServer> => {
  const listeners = new Set<ServerResponse>()
  const page = livePage(name)
  let last: string | undefined
  const hosts = new Set<string>()

  const events = (request: IncomingMessage, response: ServerResponse): void => {
    if (listeners.size >= MOST_LISTENERS) {
      refuse(response, 503, 'too many pages listen')
      return
    }
    response.writeHead(200, { ...headers, 'Content-Type': 'text/event-stream' })
    response.write(last === undefined ? ':\n\n' : last)
    listeners.add(response)
    request.on('close', () => listeners.delete(response))
  }
  const server = createServer((request, response) => {
    if (!hosts.has(request.headers.host ?? ''))
      refuse(response, 403, 'this server answers to 127.0.0.1 and localhost only')
    else if (request.method !== 'GET' && request.method !== 'HEAD') refuse(response, 405, 'only GET')
    else if (request.url === '/') {
      response.writeHead(200, { ...headers, 'Content-Type': 'text/html; charset=utf-8' }).end(page)
    } else if (request.url === '/events' && request.method === 'GET') events(request, response)
    else refuse(response, 404, 'there is / alone')
  })
  const bound = await listen(server, port)
  for (const host of ['127.0.0.1', 'localhost']) hosts.add(`${host}:${String(bound)}`)
  return {
    url: `http://127.0.0.1:${String(bound)}/`,
    tell: (standing) => {
      last = `data: ${JSON.stringify(standing)}\n\n`
      for (const listener of listeners) {
        // One that does not read is let go; its page comes back by itself.
        if (listener.writableLength > 1e6) listener.destroy()
        else listener.write(last)
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}
