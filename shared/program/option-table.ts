// The shape of a program's one table of options, and the types that its values have once they are read.

export type OptionType = 'string' | 'integer' | 'boolean' | 'duration' | 'bytes' | 'list' | 'path' | 'choice';

/** One option: the flag `--name`, the variable PREFIX_NAME and the configuration-file key `name` are the same thing. */
export interface OptionSpec {
  /** In kebab case, without dashes: `tls-cert`. */
  readonly name: string;
  /** duration reads `12h`, `30m`, `1.5s`, `200ms` into milliseconds; bytes reads `64KiB`, `16MiB`, `1000` into bytes. */
  readonly type: OptionType;
  /** For `choice` only. */
  readonly choices?: readonly string[];
  /** As text where the type is duration or bytes, so that help and documentation show what a person would write. */
  readonly default?: string | number | boolean | readonly string[];
  readonly required?: true;
  /** A secret has no flag (everybody on a node reads command lines) and no file key: the environment only. */
  readonly secret?: true;
  /** What help shows for the value: `HOST:PORT`. */
  readonly metavar?: string;
  readonly help: string;
  /** What is wrong with the value, or undefined. Pure. */
  readonly check?: (value: never) => string | undefined;
}

export interface CommandSpec {
  /** One or more words: `serve`, `token create`. */
  readonly name: string;
  readonly summary: string;
  readonly examples: readonly string[];
  readonly options: readonly OptionSpec[];
  /** What stands after `--`, for example `COMMAND ...`; without it nothing may. */
  readonly rest?: string;
  /** Problems between options ("--tls-key is needed with --tls-cert"); called with all values, once each is right by itself. */
  readonly check?: (values: never) => readonly string[];
}

export interface ProgramSpec {
  readonly name: string;
  /** Prefix of its environment variables: `POSTERN_`. */
  readonly env: string;
  /** Variables with that prefix which other programs read, and which are therefore no mistake here. */
  readonly foreignEnv?: readonly string[];
  readonly summary: string;
  readonly commands: readonly CommandSpec[];
}

type Camel<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;

type Plain<Option extends OptionSpec> = Option['type'] extends 'integer' | 'duration' | 'bytes'
  ? number
  : Option['type'] extends 'boolean'
    ? boolean
    : Option['type'] extends 'list'
      ? readonly string[]
      : Option extends { readonly choices: readonly (infer Choice)[] }
        ? Choice
        : string;

/** Lists and booleans are never undefined: they start empty and false. */
type Value<Option extends OptionSpec> = Option extends { readonly required: true }
  ? Plain<Option>
  : Option extends { readonly default: string | number | boolean | readonly string[] }
    ? Plain<Option>
    : Option['type'] extends 'boolean' | 'list'
      ? Plain<Option>
      : Plain<Option> | undefined;

/** The values of a command, by camel-case name: `values.tlsCert`. */
export type OptionValues<Command extends CommandSpec> = {
  readonly [Option in Command['options'][number] as Camel<Option['name']>]: Value<Option>;
};

/** Which command was asked for and its values: a union over the program's commands, told apart by `command`. */
export type ParsedCommand<Program extends ProgramSpec> = {
  readonly [Command in Program['commands'][number] as Command['name']]: {
    readonly command: Command['name'];
    readonly values: OptionValues<Command>;
    /** What stood after `--`. */
    readonly rest: readonly string[];
  };
}[Program['commands'][number]['name']];

/** The key under which an option's value is found: `tls-cert` -> `tlsCert`. */
export function camelName(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** The environment variable of an option: `tls-cert` -> `POSTERN_TLS_CERT`. */
export function envName(program: ProgramSpec, option: { readonly name: string }): string {
  return program.env + option.name.toUpperCase().replaceAll('-', '_');
}

/** The options that every command of every program has; `--help` and `--version` are answered before these are read. */
export const CONFIG_OPTION = {
  name: 'config',
  type: 'path',
  metavar: 'FILE',
  help: 'Read options from this JSON file, an object whose keys are option names.',
} as const satisfies OptionSpec;
