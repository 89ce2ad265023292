import { BlockList, isIP } from 'node:net'

/** Who may mount when nothing else is said: only this machine. */
export const LOOPBACK_ONLY: readonly string[] = ['127.0.0.0/8', '::1/128']

/** Addresses whose decision is remembered (a check costs 1 us); when full, all are forgotten. */
export const REMEMBERED_ADDRESSES_MAX = 4096

const MAPPED_PREFIX_BITS = 96

/**
 * Client addresses in CIDR notation: "10.0.0.0/8", "fe80::/10", or one address. The families are kept apart, so
 * that "::/0" does not let in IPv4; an IPv4-mapped IPv6 address ("::ffff:10.0.0.1") is the IPv4 address.
 */
export class AllowList {
  /** As told, for `showmount -e`. */
  readonly rules: readonly string[]
  readonly #ipv4 = new BlockList()
  readonly #ipv6 = new BlockList()
  readonly #remembered = new Map<string, boolean>()

  /** Throws an Error that names the rule that is not CIDR notation. */
  constructor(rules: readonly string[]) {
    this.rules = [...rules]
    for (const rule of rules) this.#add(rule)
  }

  allows(address: string): boolean {
    const known = this.#remembered.get(address)
    if (known !== undefined) return known
    if (this.#remembered.size >= REMEMBERED_ADDRESSES_MAX) this.#remembered.clear()
    const plain = plainAddress(address)
    const allowed =
      isIP(plain) === 4 ? this.#ipv4.check(plain) : isIP(plain) === 6 && this.#ipv6.check(plain, 'ipv6')
    this.#remembered.set(address, allowed)
    return allowed
  }

  #add(rule: string): void {
    const [network = '', bits, ...rest] = rule.split('/')
    const family = isIP(network)
    const widthBits = family === 4 ? 32 : 128
    const prefixBits = bits === undefined ? widthBits : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
    if (family === 0 || rest.length > 0 || !(prefixBits <= widthBits)) {
      throw new Error(`not an address range: "${rule}" (wanted: 10.0.0.0/8, fe80::/10 or one address)`)
    }
    const plain = plainAddress(network)
    if (isIP(plain) === 6) this.#ipv6.addSubnet(plain, prefixBits, 'ipv6')
    else if (family === 4) this.#ipv4.addSubnet(plain, prefixBits, 'ipv4')
    else this.#ipv4.addSubnet(plain, Math.max(0, prefixBits - MAPPED_PREFIX_BITS), 'ipv4')
  }
}

/** The address without its zone ("%eth0"), and an IPv4-mapped one as IPv4. */
export function plainAddress(address: string): string {
  const zone = address.indexOf('%')
  const bare = zone < 0 ? address : address.slice(0, zone)
  const lower = bare.toLowerCase()
  if (!lower.startsWith('::ffff:')) return bare
  const mapped = lower.slice('::ffff:'.length)
  if (isIP(mapped) === 4) return mapped
  const words = /^([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(mapped)
  if (words === null) return bare
  const high = Number.parseInt(words[1]!, 16)
  const low = Number.parseInt(words[2]!, 16)
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}
