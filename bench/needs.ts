// Which programs are installed, and the Debian packages of those that are not.

import { accessSync, constants } from 'node:fs';
import { delimiter, resolve } from 'node:path';

/** The Debian packages of those programs that are not on the path (sbin, which not everybody's path has, included). */
export function missingFor(needs: Readonly<Record<string, string>>): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).concat('/usr/sbin', '/sbin');
  const there = (program: string): boolean => folders.some((folder) => executable(resolve(folder, program)));
  const packages = Object.entries(needs).flatMap(([program, name]) => (there(program) ? [] : [name]));
  return [...new Set(packages)];
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
