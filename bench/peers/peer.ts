// The seam of the comparison: one way for a visitor to reach the same upstream over HTTPS.

import type { Child } from '../../contrib/demo/child.ts';

/** Where the two ends of a tunnel are when a network of the bench's own lies between them. */
export interface Place {
  /** In front of a command that is to run at the far end. */
  readonly far: readonly string[];
  /** What near processes listen on, and where far ones reach the same ports. */
  readonly listenHost: string;
  readonly dialHost: string;
  readonly ports: { readonly postern: number; readonly openssh: number };
}

/** What every peer gets: one upstream, one certificate, a place of its own. */
export interface Ground {
  /** A directory that is removed at the end. */
  readonly folder: string;
  /** `demo.notebooks.localhost`: what the certificate is for and visitors ask for. */
  readonly host: string;
  readonly domain: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  /** PEM. */
  readonly ca: string;
  /** Plain HTTP on this unix socket, as we recommend for notebooks: what stands for one. */
  readonly upstreamSocket: string;
  /** The same upstream speaking HTTPS itself. */
  readonly upstreamTlsPort: number;
  /** Marks the processes of the run. */
  readonly id: string;
  /** Nothing: both ends on loopback. */
  readonly place?: Place;
}

export interface RunningPeer {
  readonly port: number;
  /** What a visitor sends along, such as our cookie. */
  readonly headers: Readonly<Record<string, string>>;
  /** The processes between visitor and upstream; whose cost is counted, descendants included. */
  readonly processes: readonly Child[];
}

export interface Peer {
  /** Short and stable: the key in the results. */
  readonly name: string;
  /** For tables and plots. */
  readonly label: string;
  /** Programs that must be on the path, with the Debian package that brings them. */
  readonly needs: Readonly<Record<string, string>>;
  /** Version and settings worth keeping with the results. */
  describe(): Promise<string>;
  start(ground: Ground): Promise<RunningPeer>;
}
