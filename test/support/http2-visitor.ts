// A visitor who speaks HTTP/2 to a front: Node's client over a TLS connection that is verified.

import { connect, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { after } from 'node:test';

import { HOST, type World } from './front-world.ts';

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** 1xx, in order. */
  readonly interim: IncomingHttpHeaders[];
  readonly trailers: IncomingHttpHeaders;
  readonly body: string;
  /** The code of its RST_STREAM, or 0. */
  readonly reset: number;
}

type Fields = Record<string, string | readonly string[]>;

export interface Http2Visitor {
  readonly session: ClientHttp2Session;
  /** A stream that was asked for and whose body is still open. */
  open(path: string, fields?: Fields): ClientHttp2Stream;
  /** A whole request and its whole answer; a reset shows in the answer. */
  fetch(path: string, more?: { fields?: Fields; body?: string | Buffer; trailers?: Fields }): Promise<Answered>;
  close(): void;
}

/** Ended with the test. */
export async function http2Visitor(
  world: Pick<World, 'socket'>,
  { serverName = HOST, authority = HOST }: { serverName?: string; authority?: string } = {},
): Promise<Http2Visitor> {
  const socket = await world.socket(serverName, ['h2']);
  const session = connect(`https://${authority}`, { createConnection: () => socket });
  session.on('error', () => {});
  after(() => session.destroy());
  const open = (path: string, fields: Fields = {}): ClientHttp2Stream => {
    const stream = session.request({ ':path': path, ':authority': authority, ...fields }, { endStream: false });
    stream.on('error', () => {});
    return stream;
  };
  return {
    session,
    open,
    fetch: (path, { fields = {}, body, trailers } = {}) => {
      const hasBody = body !== undefined || trailers !== undefined;
      const stream = session.request(
        { ':path': path, ':authority': authority, ...fields },
        { endStream: !hasBody, waitForTrailers: trailers !== undefined },
      );
      stream.on('error', () => {});
      if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers as IncomingHttpHeaders));
      if (hasBody) stream.end(body);
      return answered(stream);
    },
    close: () => session.destroy(),
  };
}

/** All that comes on a stream until it has closed. */
export function answered(stream: ClientHttp2Stream): Promise<Answered> {
  return new Promise((resolve) => {
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const interim: IncomingHttpHeaders[] = [];
    const chunks: Buffer[] = [];
    stream.on('headers', (given) => interim.push(given));
    stream.on('response', (given) => (headers = given));
    stream.on('trailers', (given) => (trailers = given));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => {});
    stream.on('close', () => {
      const body = Buffer.concat(chunks).toString('latin1');
      resolve({
        status: Number(headers[':status'] ?? 0),
        headers,
        interim,
        trailers,
        body,
        reset: stream.rstCode ?? 0,
      });
    });
  });
}
