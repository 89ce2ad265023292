import { expect, test } from 'vitest'
import { RESERVED_PORT_TRIES, ReservedPorts } from '../../src/oncrpc/reserved-port.ts'

const zeros = { bytes: (count: number) => new Uint8Array(count) }
const error = (code: string) => Object.assign(new Error(code), { code })

test('a taken port is passed over, downwards and around', () => {
  const ports = new ReservedPorts(zeros, { allowed: true })
  expect(ports.port).toBe(665)
  expect(ports.refused(error('EADDRINUSE'))).toBe(true)
  expect(ports.port).toBe(1023)
  expect(ports.refused(error('EADDRNOTAVAIL'))).toBe(true)
  expect(ports.port).toBe(1022)
})

test('the port that worked is asked for again, with all tries', () => {
  const ports = new ReservedPorts(zeros, { allowed: true })
  ports.refused(error('EADDRINUSE'))
  ports.connected()
  expect(ports.port).toBe(1023)
  for (let tries = 0; tries < RESERVED_PORT_TRIES; tries += 1) ports.refused(error('EADDRINUSE'))
  expect(ports.port).toBeUndefined()
})

test('after so many tries any port will do', () => {
  const ports = new ReservedPorts(zeros, { allowed: true })
  for (let tries = 0; tries < RESERVED_PORT_TRIES; tries += 1) {
    expect(ports.port).toBeDefined()
    expect(ports.refused(error('EADDRINUSE'))).toBe(true)
  }
  expect(ports.port).toBeUndefined()
  expect(ports.refused(error('EADDRINUSE'))).toBe(false)
})

test('who may not take one does not ask again', () => {
  const ports = new ReservedPorts(zeros, { allowed: true })
  expect(ports.refused(error('EACCES'))).toBe(true)
  expect(ports.port).toBeUndefined()
  ports.connected()
  expect(ports.port).toBeUndefined()
  expect(new ReservedPorts(zeros, { allowed: false }).port).toBeUndefined()
})

test("other faults are not the port's", () => {
  const ports = new ReservedPorts(zeros, { allowed: true })
  expect(ports.refused(error('ECONNREFUSED'))).toBe(false)
  expect(ports.refused(undefined)).toBe(false)
  expect(ports.port).toBe(665)
})
