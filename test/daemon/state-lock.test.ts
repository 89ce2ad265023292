import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isAlive, ownIdentity } from '../../src/daemon/process-identity.ts'
import { lockHolder, lockState, StateInUseError } from '../../src/daemon/state-lock.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rowfs-lock-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const lockFile = () => join(directory, 'lock')

test('the second is refused and told who has it; after the release it gets it', () => {
  const lock = lockState(directory, 'proxy')
  expect(() => lockState(directory, 'view reset')).toThrow(StateInUseError)
  expect(() => lockState(directory, 'view reset')).toThrow(`in use by process ${process.pid} (rowfs proxy)`)
  expect(lockHolder(directory)?.pid).toBe(process.pid)
  lock.release()
  expect(lockHolder(directory)).toBeUndefined()
  lockState(directory, 'proxy').release()
  expect(readdirSync(directory)).toEqual([])
})

test('a lock that a killed process left is taken over', async () => {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'])
  const startTicks = () => readFileSync(`/proc/${child.pid}/stat`, 'latin1').split(') ')[1]!.split(' ')[19]!
  const holder = { ...ownIdentity(), pid: child.pid!, startTicks: startTicks(), command: 'proxy' }
  writeFileSync(lockFile(), JSON.stringify(holder))
  expect(() => lockState(directory, 'proxy')).toThrow(`in use by process ${child.pid}`)
  child.kill('SIGKILL')
  await new Promise((resolve) => child.on('close', resolve))
  lockState(directory, 'proxy').release()
})

test.each([
  ['another process that was given its number', { startTicks: '1' }],
  ['a process of an earlier boot', { bootId: 'another' }],
])('a lock of %s is a left-over', (_, other) => {
  writeFileSync(lockFile(), JSON.stringify({ ...ownIdentity(), command: 'proxy', ...other }))
  const lock = lockState(directory, 'proxy')
  expect(lockHolder(directory)?.startTicks).toBe(ownIdentity().startTicks)
  lock.release()
})

test.each(['', '{"pid":', '{"pid":0}', '[]'])('a torn lock file (%j) is a left-over', (content) => {
  writeFileSync(lockFile(), content)
  lockState(directory, 'proxy').release()
  expect(existsSync(lockFile())).toBe(false)
})

test('we are alive, number 1 of another time is not us', () => {
  expect(isAlive(ownIdentity())).toBe(true)
  expect(isAlive({ ...ownIdentity(), pid: 1 })).toBe(false)
})
