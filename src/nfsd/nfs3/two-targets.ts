import { type Awaitable, whenReady } from '../../base/awaitable.ts'
import type { Attributes } from '../../vfs/attributes.ts'
import { type FsResult, refuse } from '../../vfs/result.ts'
import type { FsStatus } from '../../vfs/status.ts'
import type { Nfs3Call } from './call.ts'
import { attributesNow, catchFault, openTarget, type Target } from './target.ts'

/** What a refusal of RENAME and LINK is made of: the attributes of both objects, as far as they can be had. */
export type FailOfBoth<Fail> = (first: Attributes | undefined, second: Attributes | undefined) => Fail

/**
 * One procedure on two objects of one export: objects of two are XDEV. When one handle is not good, the attributes
 * of the other are sent all the same.
 */
export function onTwoTargets<Ok, Fail>(
  call: Nfs3Call<never>,
  firstHandle: Uint8Array,
  secondHandle: Uint8Array,
  failOf: FailOfBoth<Fail>,
  work: (first: Target, second: Target) => Awaitable<FsResult<Ok, Fail>>,
): Awaitable<FsResult<Ok, Fail>> {
  return catchFault(failOf(undefined, undefined), () =>
    whenReady(openTarget(call, firstHandle), (first) =>
      whenReady(openTarget(call, secondHandle), (second) => {
        if (!first.ok)
          return refuseBoth(undefined, second.ok ? second.value : undefined, first.status, failOf)
        if (!second.ok) return refuseBoth(first.value, undefined, second.status, failOf)
        if (first.value.served !== second.value.served) {
          return refuseBoth(first.value, second.value, 'XDEV', failOf)
        }
        return work(first.value, second.value)
      }),
    ),
  )
}

/** A refusal that nfsd decides itself. */
export function refuseBoth<Fail>(
  first: Target | undefined,
  second: Target | undefined,
  status: FsStatus,
  failOf: FailOfBoth<Fail>,
): Awaitable<FsResult<never, Fail>> {
  return whenReady(first && attributesNow(first), (ofFirst) =>
    whenReady(second && attributesNow(second), (ofSecond) => refuse(status, failOf(ofFirst, ofSecond))),
  )
}
