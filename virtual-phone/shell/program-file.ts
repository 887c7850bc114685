import { readSync } from 'node:fs';
import type { PhoneDevice } from '../device.ts';
import { isNoExec } from '../files/layout.ts';
import { isElf, readElfHead, type ElfHead } from '../processes/elf-file.ts';
import { runNative } from '../processes/native-process.ts';
import type { Command, CommandCall } from './command.ts';

/** What mksh ends with when the kernel would not run a file. */
const REFUSED = 1;
const HEAD_BYTES = 64;

/**
 * The command that a file of the phone is: a program for its processor, or a script.
 *
 * @param path canonical phone path.
 * @param name as the script names it, for messages.
 * @returns text when it must not be executed; undefined when there is no such file.
 */
export function programFile(device: PhoneDevice, path: string, name: string): Command | string | undefined {
  const stat = device.files.statIfAny(path);
  if (stat === undefined) return undefined;
  if (stat.kind !== 'file' || (stat.mode & 0o111) === 0 || isNoExec(path))
    return "can't execute: Permission denied";
  return async (call) => {
    const content = await readProgram(device, path);
    return typeof content === 'string'
      ? runScript(call, path, name, content)
      : runElf(call, path, content.head);
  };
}

/** The text of a script, or the head of an ELF file (null when it is a broken one). */
async function readProgram(
  device: PhoneDevice,
  path: string,
): Promise<string | { readonly head: ElfHead | null }> {
  const reader = device.files.openRead(path);
  try {
    const { fd } = reader;
    const read = (offset: number, bytes: number): Buffer => {
      const buffer = Buffer.alloc(bytes);
      return buffer.subarray(0, fd === undefined ? 0 : readSync(fd, buffer, 0, bytes, offset));
    };
    if (isElf(read(0, HEAD_BYTES))) return { head: readElfHead(read) };
    const content = Buffer.alloc(reader.sizeBytes ?? 0);
    await reader.read(content);
    return content.toString('utf8');
  } finally {
    await reader.close();
  }
}

async function runElf(call: CommandCall, path: string, head: ElfHead | null): Promise<number> {
  const { files, machine } = call.device;
  const refuse = async (why: string): Promise<number> => {
    await call.err(`${call.state.name}: ${call.name}: ${why}\n`);
    return REFUSED;
  };
  if (head === null || head.bits === 32 || head.machine !== machine.elfMachine)
    return refuse(`not executable: ${head?.bits ?? 64}-bit ELF file`);
  if (head.interpreter === null) return runNative(call, path, null);
  const loader = files.resolve(head.interpreter);
  if (files.statIfAny(loader)?.kind === 'file') return runNative(call, path, loader);
  // The kernel's ENOENT is of the loader. Android's own is on every phone but a virtual one.
  call.device.log.add('W', 'linker', `${path} is loaded by ${head.interpreter}, which this phone has not`);
  return refuse('No such file or directory');
}

function runScript(call: CommandCall, path: string, name: string, source: string): Promise<number> {
  const interpreter = /^#!\s*(\S+)/.exec(source)?.[1];
  if (interpreter !== undefined && /(?:^|\/)node$/.test(interpreter))
    return call.run(['node', path, ...call.args]);
  const state = call.state.copy();
  state.name = name;
  state.positional = call.args;
  return call.runSource(source, state);
}
