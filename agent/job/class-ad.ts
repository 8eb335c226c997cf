// Reads the long form of a ClassAd, one `Name = value` a line, as HTCondor writes job ads and machine ads; pure.

/** Names in lower case, as they are compared without regard to it. */
export type ClassAd = ReadonlyMap<string, string | number | boolean>;

const LINE = /^\s*([A-Za-z_][A-Za-z0-9_]{0,200})\s*=\s*(.*?)\s*$/;

/** Strings, numbers and booleans; expressions are left out, for nobody here evaluates them. */
export function readClassAd(text: string): ClassAd {
  const ad = new Map<string, string | number | boolean>();
  for (const line of text.split('\n')) {
    const [, name, written] = LINE.exec(line) ?? [];
    const value = written === undefined ? undefined : literal(written);
    if (name !== undefined && value !== undefined) ad.set(name.toLowerCase(), value);
  }
  return ad;
}

function literal(written: string): string | number | boolean | undefined {
  if (/^"(?:[^"\\]|\\.)*"$/.test(written)) return written.slice(1, -1).replace(/\\(.)/g, '$1');
  if (/^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(written)) return Number(written);
  if (/^(?:true|false)$/i.test(written)) return written.toLowerCase() === 'true';
  return undefined;
}
