// The address of whoever is at the other end of a socket, as logs, limits and agents are told it.

/** IPv4 visitors of a listener for both families are told by their IPv4 address. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '0.0.0.0';
  return address.startsWith('::ffff:') && address.includes('.')
    ? address.slice(7)
    : (address.split('%', 1)[0] as string);
}
