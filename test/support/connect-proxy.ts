// A small HTTP proxy that speaks CONNECT, over TCP or TLS, asks for Basic credentials if told to, and misbehaves on demand.

import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

export interface ProxyOptions {
  /** Where a name and port lead; by default 127.0.0.1 and the port asked for. */
  readonly route?: (authority: string) => { host: string; port: number };
  /** `user:password` that it wants. */
  readonly credentials?: string;
  /** Speak TLS with this. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly host?: string;
}

export class ConnectProxy {
  /** The authorities asked for, in order. */
  readonly asked: string[] = [];
  /** Proxy-Authorization of each. */
  readonly authorizations: (string | undefined)[] = [];
  /** Answers in place of a connection; undefined is silence. */
  answer: { readonly text: string | undefined } | undefined;
  readonly #server: Server;
  readonly #options: ProxyOptions;
  readonly #sockets = new Set<Socket>();

  private constructor(options: ProxyOptions) {
    this.#options = options;
    const take = (socket: Socket): void => this.#take(socket);
    this.#server = options.tls === undefined ? createServer(take) : createTlsServer(options.tls, take);
    this.#server.on('tlsClientError', () => {});
    this.#server.on('connection', (socket: Socket) => this.#watch(socket));
  }

  static async start(options: ProxyOptions = {}): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(options);
    proxy.#server.listen(0, options.host ?? '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections open now, on both sides. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Breaks everything that it carries. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #take(socket: Socket): void {
    socket.on('error', () => {});
    let head = '';
    const read = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', read);
      this.#answer(socket, head);
    };
    socket.on('data', read);
  }

  #answer(socket: Socket, head: string): void {
    const authority = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head)?.[1];
    const authorization = /^proxy-authorization: (.*)\r$/im.exec(head)?.[1];
    if (authority === undefined) return void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    this.asked.push(authority);
    this.authorizations.push(authorization);
    if (this.answer !== undefined) {
      if (this.answer.text !== undefined) socket.end(this.answer.text, 'latin1');
      return;
    }
    const { credentials } = this.#options;
    if (credentials !== undefined && authorization !== `Basic ${Buffer.from(credentials).toString('base64')}`)
      return void socket.end(
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="site"\r\n\r\n',
      );
    this.#join(socket, authority);
  }

  #join(socket: Socket, authority: string): void {
    const port = Number(authority.slice(authority.lastIndexOf(':') + 1));
    const far = connect(this.#options.route?.(authority) ?? { host: '127.0.0.1', port });
    this.#watch(far);
    far.once('connect', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      far.pipe(socket);
      socket.pipe(far);
    });
    far.once('error', () => socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n<html>no way</html>'));
    far.once('close', () => socket.end());
    socket.once('close', () => far.destroy());
  }
}
