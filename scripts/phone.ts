import { Command, InvalidArgumentError, Option } from 'commander';
import { describeFailure, ok, type Failure } from '../core/result.ts';
import { startVirtualPhone } from '../virtual-phone/index.ts';
import { ARM64_SERIAL, emulatorFor } from './shared/phone-machine.ts';

interface Flags {
  readonly port: number;
  readonly adbServerPort: number;
  readonly serial?: string;
  readonly state?: string;
  readonly thermal: boolean;
  readonly linkMbps?: number;
  readonly linkLatencyMs: number;
  readonly storageMib?: number;
  readonly arch: 'host' | 'arm64';
  readonly emulator?: string;
  readonly json: boolean;
  readonly exitWithStdin: boolean;
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

const flags = new Command('phone')
  .description('Starts a virtual phone: an adb device in software.')
  .option('--port <n>', 'port of its adbd for `adb connect` (0: any free one)', number, 0)
  .option('--adb-server-port <n>', 'port of its embedded adb server (0: any free one)', number, 0)
  .option('--serial <name>', 'serial at the embedded adb server')
  .option('--state <dir>', 'folder of its files, keys and processes')
  .option('--thermal', 'heat slows its processes', false)
  .option('--link-mbps <n>', 'bandwidth between phone and host, megabit per second', number)
  .option('--link-latency-ms <n>', 'one-way latency of the link, milliseconds', number, 0)
  .option('--storage-mib <n>', 'size of its storage, MiB', number)
  .addOption(
    new Option('--arch <name>', 'its processor; arm64 is emulated where this computer is x86_64')
      .choices(['host', 'arm64'])
      .default('host'),
  )
  .option('--emulator <file>', 'qemu’s user emulation for arm64 (default: the one on PATH)')
  .option('--json', 'print one JSON line instead of text', false)
  .option('--exit-with-stdin', 'switch off when stdin closes', false)
  .parse()
  .opts<Flags>();

function fail(failure: Failure): never {
  process.stderr.write(`${describeFailure(failure)}\n`);
  process.exit(1);
}

const emulator =
  flags.emulator === undefined
    ? await emulatorFor(flags.arch, new AbortController().signal)
    : ok(flags.emulator);
if (!emulator.ok) fail(emulator.failure);
const serial = flags.serial ?? (flags.arch === 'arm64' ? ARM64_SERIAL : undefined);
const started = await startVirtualPhone({
  adbdPort: flags.port,
  adbServerPort: flags.adbServerPort,
  isThermalOn: flags.thermal,
  linkLatencyMs: flags.linkLatencyMs,
  arch: flags.arch,
  ...(emulator.value === null ? {} : { emulatorPath: emulator.value }),
  ...(serial === undefined ? {} : { serial }),
  ...(flags.state === undefined ? {} : { stateDir: flags.state }),
  ...(flags.linkMbps === undefined ? {} : { linkMbps: flags.linkMbps }),
  ...(flags.storageMib === undefined ? {} : { storageMib: flags.storageMib }),
});
if (!started.ok) fail(started.failure);
const phone = started.value;
let isStopping = false;
const stop = (why: string): void => {
  if (isStopping) return;
  isStopping = true;
  process.stderr.write(`${phone.serial}: ${why}, switching off\n`);
  void phone.stop().then(() => process.exit(0));
};
process.on('SIGINT', () => stop('interrupted'));
process.on('SIGTERM', () => stop('terminated'));
process.on('SIGHUP', () => stop('terminal closed'));
if (flags.exitWithStdin) {
  process.stdin.on('end', () => stop('stdin closed'));
  process.stdin.on('error', () => stop('stdin closed'));
  process.stdin.resume();
}
if (flags.json) {
  const { adbdPort, adbServerPort, stateDir, isEmulated } = phone;
  process.stdout.write(
    `${JSON.stringify({ serial: phone.serial, adbdPort, adbServerPort, stateDir, isEmulated, pid: process.pid })}\n`,
  );
} else {
  process.stdout.write(
    `Virtual phone ${phone.serial} is on. It is software on this computer: ${phone.isEmulated ? 'its arm64 processor is emulated, its speed is of no phone.' : "its speed is this computer's."}\n` +
      `  with your adb:     adb connect 127.0.0.1:${phone.adbdPort ?? ''}\n` +
      `  without a server:  adb -P ${phone.adbServerPort ?? ''} devices   (or any adb client on that port)\n` +
      `  its files:         ${phone.stateDir}\n`,
  );
}
