// The notebook's stand-in where JupyterLab can't be had: one page over HTTP on the unix socket that the agent chose.

import { createServer } from 'node:http';

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>postern: the tunnel works</title>
<style>
  :root { color-scheme: light dark }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem }
</style>
<h1>The tunnel works</h1>
<p>This page came from a process on a private unix socket, through postern's agent and bastion.</p>
<p>JupyterLab could not be brought here, and the terminal that runs the demo says why.</p>
</html>
`;

const socket = process.argv[2];
if (socket === undefined) throw new Error('usage: page.ts SOCKET');

const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-length': Buffer.byteLength(PAGE) });
  response.end(request.method === 'HEAD' ? undefined : PAGE);
});
server.listen(socket);
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
  });
