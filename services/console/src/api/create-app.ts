import { CountersignError, errorRow, type Principal } from '@countersign/contracts'
import { operatorsGroup, TokenExpired } from '@countersign/identity'
import { checkHost } from '@countersign/runtime'
import swagger from '@fastify/swagger'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Access } from './access-records.ts'
import { asCountersignError, errorAnswer } from './answer-error.ts'
import { approvals } from './approvals.ts'
import { audit } from './audit.ts'
import { calls } from './calls.ts'
import { describeRoute } from './describe-route.ts'
import { erasure } from './erasure.ts'
import { notServed, type RouteAt } from './not-served.ts'
import { policies } from './policies.ts'
import type { ApiContext, Route } from './route.ts'
import { servers } from './servers.ts'
import { status } from './status.ts'
import { validate } from './validate.ts'

/** Every route of the API, under `/api/v1`. */
export const routes: readonly Route[] = [
  ...approvals,
  ...calls,
  ...servers,
  ...policies,
  ...audit,
  ...erasure,
  ...status,
]

const prefix = '/api/v1'
const openApiPath = `${prefix}/openapi.json`
/** What needs no token: it tells nothing of this Countersign. */
const openPaths: ReadonlySet<string> = new Set(['/', openApiPath])
const nothing = z.strictObject({})

/** For whoever opens the address in a browser. */
const signpost = `This is the console of Countersign. It has no web page yet.

People use the command line, in the folder of Countersign:  npx countersign help
Programs use the HTTP API with a bearer token:              ${openApiPath} describes it
Agents do not connect here but to the gateway, at /mcp on a port of its own: the screen of npm start has its address.
`

/** Makes the HTTP application. Each request is checked in this order: host, token, group, path, query, body; then the route asks. */
export async function createApp(context: ApiContext): Promise<FastifyInstance> {
  const app = fastify({
    bodyLimit: 64 * 1024,
    requestTimeout: 30_000,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 1024 },
    frameworkErrors: (error, request, reply) => void refuse(error, request, reply),
    clientErrorHandler(_error, socket) {
      const body = JSON.stringify(
        errorAnswer(
          new CountersignError(
            'invalid_request',
            'this is not HTTP as the console understands it; speak HTTP/1.1 to this port',
          ),
        ),
      )
      const head = `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`
      if (socket.writable) socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`)
      else socket.destroy()
    },
  })
  // Validation is zod's alone, and answers are cut to their schemas before they get here.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => JSON.stringify)
  app.removeContentTypeParser('text/plain')

  const viewers = new WeakMap<FastifyRequest, Principal>()
  const refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const { method, url } = request
    const known = asCountersignError(error, (err) =>
      context.log.error({ err, method, url: url.split('?')[0] }, 'request failed'),
    )
    const viewer = viewers.get(request)
    if (viewer && errorRow(known.code).httpStatus === 403) {
      context.accesses.refused(viewer, routeOf(request), known.code, accessOf(request))
    }
    if (known.code === 'unauthenticated') void reply.header('www-authenticate', 'Bearer')
    if (known.code === 'method_not_allowed') void reply.header('allow', (known.details!.allow as string[]).join(', '))
    return reply.status(errorRow(known.code).httpStatus).type('application/json').send(errorAnswer(known))
  }
  app.setErrorHandler(refuse)

  const registered: RouteAt[] = []
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) registered.push({ method: each, path: url })
  })
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
    checkHost(request.headers, request.socket.localPort ?? 0, context.served)
    if (openPaths.has(request.routeOptions.url ?? '')) return
    viewers.set(request, await authenticate(context, request))
    // Before a body is looked at: it is for nobody.
    if (request.is404) throw notServed(registered, request.method, request.url)
  })

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Countersign console',
        version: '1',
        description: 'Approvals, calls, servers, policies and the audit log.',
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      security: [{ bearer: [] }],
    },
  })
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.type('text/plain; charset=utf-8').send(signpost))
  // A plugin, so that the description sees the routes that come after it.
  await app.register(async (api) => {
    for (const route of routes) register(api, route, context, (request) => viewers.get(request)!)
    api.get(
      openApiPath,
      {
        schema: {
          summary: 'This description',
          security: [],
          tags: ['description'],
          response: { 200: { description: 'OpenAPI 3.1', type: 'object' } },
        },
      },
      () => app.swagger(),
    )
  })
  await app.ready()
  return app
}

/** Who asks, by the token; that it was used, or refused, is recorded. Whoever sends none has only lost the way. */
async function authenticate(
  { authenticator, signIns, accesses }: ApiContext,
  request: FastifyRequest,
): Promise<Principal> {
  const { headers, ip } = request
  try {
    const viewer = await authenticator.authenticate(headers.authorization)
    signIns.admitted(viewer, ip)
    return viewer
  } catch (error) {
    if (error instanceof TokenExpired) {
      accesses.refused(error.principal, routeOf(request), error.code, accessOf(request))
    } else if (headers.authorization !== undefined) signIns.refused(ip)
    throw error
  }
}

/** Method and path, with the names of its parameters; of what is not served only the method. */
function routeOf({ method, routeOptions }: FastifyRequest): string {
  return `${method} ${routeOptions.url ?? ''}`.trim()
}

/** What is recorded of a request: where it came from and what it names. */
function accessOf({ ip, params }: FastifyRequest): Access {
  const named = Object.values(params as Record<string, string>)
  return { address: ip, target: named.length === 0 ? undefined : named.join('/') }
}

function register(
  app: FastifyInstance,
  route: Route,
  context: ApiContext,
  viewerOf: (request: FastifyRequest) => Principal,
): void {
  app.route({
    method: route.method,
    url: prefix + route.path,
    schema: describeRoute(route),
    ...(route.bodyLimit ? { bodyLimit: route.bodyLimit } : {}),
    async handler(request, reply) {
      const viewer = viewerOf(request)
      if (route.operators && !viewer.groups.includes(operatorsGroup)) {
        throw new CountersignError(
          'forbidden',
          `only members of the group ${operatorsGroup} may do this; use an operator's token`,
        )
      }
      const params = validate('path', route.params ?? nothing, request.params)
      const query = validate('query', route.query ?? nothing, request.query)
      if ('stream' in route) {
        if (request.method === 'HEAD') return reply.type('text/event-stream').send()
        const header = (name: string) => request.headers[name]?.toString()
        const recheck = () => context.authenticator.authenticate(request.headers.authorization)
        await route.stream({ viewer, header, recheck }, context, reply.raw)
        return reply.hijack()
      }
      const body = validate('body', route.body ?? z.unknown(), request.body)
      const handled = await route.handle({ viewer, params, query, body }, context)
      const answer = route.answer.parse(handled)
      const reading = route.reads?.(query, handled)
      if (reading) context.accesses.read(viewer, reading.kind, { ...accessOf(request), ...reading })
      return answer
    },
  })
}
