// Watches a connection after its switch to another protocol: what a person or a program says there, never the pings that keep it open.

import { WebSocketFrames } from './websocket-frames.ts';

/** As much of a tunnel's traffic as is needed here. */
export interface TrafficSink {
  sent(): void;
  received(): void;
  connected(): () => void;
}

/** Sees every chunk of either direction, and changes none. */
export interface SwitchedTraffic {
  in(chunk: Uint8Array): void;
  out(chunk: Uint8Array): void;
  ended(): void;
}

/** In other protocols than WebSockets every byte counts. */
export function watchSwitched(traffic: TrafficSink, webSocket: boolean): SwitchedTraffic {
  const ended = traffic.connected();
  const reader = (): ((chunk: Uint8Array) => boolean) => {
    if (!webSocket) return (chunk) => chunk.length > 0;
    const frames = new WebSocketFrames();
    return (chunk) => frames.read(chunk);
  };
  const [fromVisitor, fromNotebook] = [reader(), reader()];
  return {
    in: (chunk) => {
      if (fromVisitor(chunk)) traffic.sent();
    },
    out: (chunk) => {
      if (fromNotebook(chunk)) traffic.received();
    },
    ended,
  };
}
