// Writing files that must be whole after a crash: on the disk before the call returns.

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

/** Creates the file. `wx`: a file of that name, or a symbolic link laid there, makes it fail. Throws the system's error. */
export function writeDurably(path: string, text: string, mode: number): void {
  const file = openSync(path, 'wx', mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Makes a rename or a new name in the directory last. Throws the system's error. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
