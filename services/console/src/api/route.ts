import type { Bus, RegistryView } from '@countersign/bus'
import type { ErrorCode, Principal } from '@countersign/contracts'
import type { Authenticator } from '@countersign/identity'
import type { Logger } from '@countersign/telemetry'
import type { ServerResponse } from 'node:http'
import type { Served } from '@countersign/runtime'
import type { z } from 'zod'
import type { CallFeed } from './feed/call-feed.ts'
import type { AccessRecords, AuditReadKind } from './access-records.ts'
import type { ReplicaFaults } from './replica-faults.ts'
import type { SignIns } from './sign-ins.ts'
import type { UnreadableMessages } from './unreadable.ts'

/** What routes work with. */
export interface ApiContext {
  bus: Bus
  log: Logger
  registry: RegistryView
  feed: CallFeed
  unreadable: UnreadableMessages
  replicaFaults: Pick<ReplicaFaults, 'faults'>
  authenticator: Authenticator
  signIns: Pick<SignIns, 'admitted' | 'refused'>
  accesses: Pick<AccessRecords, 'refused' | 'read'>
  served: Served
  /** Whose operators see what is not right with what all tenants share. */
  platformTenant: string
}

/** A request after it was authenticated and validated. */
export interface Asked<P, Q, B> {
  viewer: Principal
  params: P
  query: Q
  body: B
}

/** How an answer was read out of the audit log. */
export interface Reading {
  kind: AuditReadKind
  /** How many sealed records are in it. */
  records?: number
  /** What was asked about by name; left out: the parameters of the path. */
  target?: string | undefined
}

interface RouteBase<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  method: 'GET' | 'POST'
  /** Under `/api/v1`, with `:name` for parameters. */
  path: string
  summary: string
  description?: string
  /** Operators only; left out: anybody with a token, who then sees what is theirs to see. */
  operators?: true
  params?: P
  query?: Q
  body?: B
  /** In bytes; 64 KiB where left out. */
  bodyLimit?: number
  /** Error codes of this route, besides those that every route can answer. */
  errors?: readonly ErrorCode[]
}

/** A route that answers with one JSON value; members that `answer` does not name are not sent. */
export interface JsonRoute<
  P extends z.ZodType = z.ZodType,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
  R extends z.ZodType = z.ZodType,
  H extends z.input<R> = z.input<R>,
> extends RouteBase<P, Q, B> {
  answer: R
  handle(asked: Asked<z.output<P>, z.output<Q>, z.output<B>>, context: ApiContext): Promise<H> | H
  /**
   * How answering this read the audit log, for the record of it; left out where it never does.
   *
   * @param handled what `handle` resolved to, before it is cut to what is sent
   * @returns undefined when this answer did not come from there
   */
  reads?(query: z.output<Q>, handled: H): Reading | undefined
}

/** A route that answers with server-sent events until either side ends it. */
export interface StreamRoute extends RouteBase<z.ZodType, z.ZodType, z.ZodType> {
  /** One event's data. */
  streams: z.ZodType
  stream(
    asked: { viewer: Principal; header: (name: string) => string | undefined; recheck: () => Promise<unknown> },
    context: ApiContext,
    out: ServerResponse,
  ): Promise<void>
}

export type Route = JsonRoute | StreamRoute

/** Writes a route down with its types inferred. */
export function route<
  P extends z.ZodType,
  Q extends z.ZodType,
  B extends z.ZodType,
  R extends z.ZodType,
  H extends z.input<R>,
>(definition: JsonRoute<P, Q, B, R, H>): Route {
  return definition
}
