import { DirectoryStore } from './directory-store.ts'
import { type S3Options, S3Store } from './s3-store.ts'
import type { Store } from './store.ts'

/** Where logs are, as data: it can be handed to another thread. */
export type StoreLocation = { dir: string } | { s3: Omit<S3Options, 'send'> }

/** Opens the store of a place; nothing is read yet. */
export function openStore(location: StoreLocation): Store {
  return 'dir' in location ? new DirectoryStore(location.dir) : new S3Store(location.s3)
}

/**
 * Reads the URL of a bucket: `https://<host>/<bucket>/<prefix>`.
 *
 * @throws Error when it names no bucket
 */
export function parseBucketUrl(url: string): Pick<S3Options, 'endpoint' | 'bucket' | 'prefix'> {
  const { protocol, host, pathname } = new URL(url)
  const [bucket, ...rest] = pathname.split('/').filter((part) => part !== '')
  if (bucket === undefined) throw new Error(`${url} names no bucket: it must be https://<host>/<bucket>/<prefix>`)
  return {
    endpoint: `${protocol}//${host}`,
    bucket,
    prefix: rest.map((part) => `${decodeURIComponent(part)}/`).join(''),
  }
}
