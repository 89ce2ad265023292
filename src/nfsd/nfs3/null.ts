/** NFSPROC3_NULL (RFC 1813 section 3.3.0): for clients that want to know whether somebody is there. */
export function nullProcedure(): undefined {
  return undefined
}
