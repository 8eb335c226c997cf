// Tells the owner where the notebook is: with the one-time secret only on a terminal and in the link file, never in a log.

import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { Log } from '../shared/program/log.ts';
import type { ServiceUrl } from './services.ts';

export interface AnnounceOptions {
  /** Standard error if it is a terminal, else undefined. */
  readonly terminal: { write(text: string): unknown } | undefined;
  readonly linkFile: string | undefined;
  readonly log: Log;
}

/** `link` is the URL with its secret, undefined where there is none: then the plain URL is all there is. */
export interface Announcement {
  readonly url: string;
  readonly link: string | undefined;
  /** The link works once. */
  readonly once: boolean;
  /** Where else visitors can go. */
  readonly services: readonly ServiceUrl[];
  /** Why there is something to say: the first time, a link that was used, another address. */
  readonly reason: 'registered' | 'link-spent';
}

export interface Announcer {
  announce(announcement: Announcement): void;
  /** Waits for the link file and removes it, since it would lead nowhere; unless somebody else has written it meanwhile. */
  close(): Promise<void>;
}

export function createAnnouncer(options: AnnounceOptions): Announcer {
  // One write at a time, so that the newest link is the one that stays.
  let writing = Promise.resolve();
  let written: string | undefined;
  const write = (path: string, text: string): void => {
    writing = writing
      .then(() => replaceFile(path, text))
      .then(() => void (written = text))
      .catch((err: unknown) => {
        options.log.error({ path, err }, 'The link file could not be written');
      });
  };
  return {
    announce: ({ url, link, once, services, reason }) => {
      const shown = link ?? url;
      if (options.terminal !== undefined)
        options.terminal.write(terminalText(shown, reason, once) + servicesText(services));
      else options.log.info({ url, linkFile: options.linkFile }, sentence(reason));
      if (options.linkFile !== undefined) write(options.linkFile, `${shown}\n`);
    },
    close: async () => {
      await writing;
      // The job's next run, elsewhere, may have begun already.
      if (options.linkFile !== undefined && written !== undefined) await removeOwn(options.linkFile, written);
    },
  };
}

async function removeOwn(path: string, text: string): Promise<void> {
  const found = await readFile(path, 'utf8').catch(() => undefined);
  if (found === text) await rm(path, { force: true });
}

function terminalText(shown: string, reason: Announcement['reason'], oneTime: boolean): string {
  const head =
    reason === 'registered' ? 'Your notebook is at' : 'The link was used. The next one, for another browser, is';
  const note = oneTime ? '  (this link opens it once, in the first browser that follows it)\n' : '';
  return `\n${head}\n\n  ${shown}\n${note}\n`;
}

function servicesText(services: readonly ServiceUrl[]): string {
  const width = Math.max(...services.map(({ service }) => service.length));
  const lines = services.map(({ service, url }) => `  ${service.padEnd(width)}  ${url}\n`);
  return lines.length === 0 ? '' : `${lines.join('')}\n`;
}

function sentence(reason: Announcement['reason']): string {
  return reason === 'registered' ? 'The notebook has its address' : 'The one-time link was used; there is a new one';
}

/** 0600 from the first byte on, and never half written. */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${randomBytes(8).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
