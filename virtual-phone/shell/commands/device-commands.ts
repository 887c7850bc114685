import { uptime as hostUptime, loadavg } from 'node:os';
import { pageBytes } from '../../profile/page-size.ts';
import type { Command, CommandCall } from '../command.ts';

const getprop: Command = async (call) => {
  const { properties } = call.device;
  const [name, fallback = ''] = call.args;
  if (name !== undefined) await call.out(`${properties.get(name) ?? fallback}\n`);
  else
    await call.out(
      [...properties]
        .sort()
        .map(([key, value]) => `[${key}]: [${value}]\n`)
        .join(''),
    );
  return 0;
};

const setprop: Command = async (call) => {
  const [name = '', value = ''] = call.args;
  // uid shell may set what SELinux calls debug_prop and log_prop.
  if (!/^(?:debug|log)\./.test(name)) {
    await call.err(`Failed to set property '${name}' to '${value}'.\nSee dmesg for error reason.\n`);
    return 1;
  }
  call.device.properties.set(name, value);
  return 0;
};

const dumpsys: Command = async (call) => {
  const [service, ...args] = call.args;
  const { thermal } = call.device;
  if (service === '-l' || service === undefined) {
    await call.out('Currently running services:\n  battery\n  thermalservice\n');
    return 0;
  }
  if (service === 'thermalservice') await call.out(thermal.dump());
  else if (service === 'battery')
    await call.out(args.length === 0 ? thermal.battery.dump() : thermal.battery.command(args));
  else {
    await call.err(`Can't find service: ${service}\n`);
    return 0; // As dumpsys does.
  }
  return 0;
};

const cmd: Command = async (call) => {
  const [service, verb, value] = call.args;
  const { thermal } = call.device;
  if (service === 'thermalservice' && verb === 'reset') {
    thermal.overrideStatus(undefined);
    return 0;
  }
  if (service === 'thermalservice' && verb === 'override-status') {
    if (!/^[0-6]$/.test(value ?? '')) {
      await call.err(`Error: Invalid thermal status: ${value ?? ''}\n`);
      return 255;
    }
    thermal.overrideStatus(Number(value));
    return 0;
  }
  if (service === 'battery') return call.run(['dumpsys', 'battery', ...call.args.slice(1)]);
  if (service === 'package') return call.run(['pm', ...call.args.slice(1)]);
  await call.err(`cmd: Can't find service: ${service ?? ''}\n`);
  return 20;
};

const SETTINGS: ReadonlyMap<string, string> = new Map([
  ['global adb_enabled', '1'],
  ['global airplane_mode_on', '0'],
  ['global development_settings_enabled', '1'],
  ['global device_name', 'Pixel 8 (virtual)'],
  ['global low_power', '0'],
  ['global stay_on_while_plugged_in', '0'],
  ['system screen_brightness', '102'],
  ['system screen_off_timeout', '30000'],
]);

const settings: Command = async (call) => {
  const [verb, space = '', key = ''] = call.args;
  if (verb === 'get') {
    await call.out(`${SETTINGS.get(`${space} ${key}`) ?? 'null'}\n`);
    return 0;
  }
  return refuse(call, 'settings: this phone can only get settings\n');
};

const pm: Command = async (call) => {
  const [verb, what] = call.args;
  if (verb === 'path') return 1;
  if (verb !== 'list' || what !== 'packages')
    return refuse(call, `pm: unknown command: ${call.args.join(' ')}\n`);
  await call.out('package:android\npackage:com.android.settings\npackage:com.android.shell\n');
  return 0;
};

async function refuse(call: CommandCall, text: string): Promise<number> {
  await call.err(text);
  return 1;
}

/** `logcat [-d] [-c] [-t N]` over the phone's own log; without `-d` it goes on until it is ended. */
const logcat: Command = async (call) => {
  const { log } = call.device;
  if (call.args.includes('-c')) {
    log.clear();
    return 0;
  }
  const last = call.args[call.args.indexOf('-t') + 1];
  const kept = call.args.includes('-t') ? log.lines().slice(-Number(last ?? 10)) : log.lines();
  await call.out(`--------- beginning of main\n${kept.map((line) => `${line}\n`).join('')}`);
  if (call.args.includes('-d') || call.args.includes('-t')) return 0;
  await new Promise<void>((resolve) => {
    const stop = log.follow((line) => {
      void call.out(`${line}\n`).catch(() => {
        stop();
        resolve();
      });
    });
    call.signal.addEventListener(
      'abort',
      () => {
        stop();
        resolve();
      },
      { once: true },
    );
  });
  return 0;
};

const SERVICES = [
  'activity: [android.app.IActivityManager]',
  'battery: []',
  'package: [android.content.pm.IPackageManager]',
  'thermalservice: [android.os.IThermalService]',
];

const service: Command = async (call) => {
  if (call.args[0] !== 'list') return refuse(call, 'service: this phone can only list services\n');
  await call.out(
    `Found ${SERVICES.length} services:\n${SERVICES.map((line, index) => `${index}\t${line}\n`).join('')}`,
  );
  return 0;
};

const id: Command = async (call) => {
  const groups = 'groups=2000(shell),1004(input),1007(log),1015(sdcard_rw),3003(inet)';
  const text =
    call.args[0] === '-u'
      ? '2000'
      : call.args[0] === '-un'
        ? 'shell'
        : `uid=2000(shell) gid=2000(shell) ${groups} context=u:r:shell:s0`;
  await call.out(`${text}\n`);
  return 0;
};

const uname: Command = async (call) => {
  const fields: Readonly<Record<string, string>> = {
    s: 'Linux',
    n: 'localhost',
    r: '6.1.0-bungee-virtual',
    v: '#1 SMP PREEMPT',
    m: call.device.machine.unameMachine,
  };
  const letters = call.args.join('').replaceAll('-', '') || 's';
  const order = letters.includes('a')
    ? 'snrvm'
    : [...'snrvm'].filter((letter) => letters.includes(letter)).join('');
  await call.out(
    `${[...order].map((letter) => fields[letter] ?? '').join(' ')}${letters.includes('a') ? ' Android' : ''}\n`,
  );
  return 0;
};

const getconf: Command = async (call) => {
  const [name = ''] = call.args;
  if (name !== 'PAGESIZE' && name !== 'PAGE_SIZE')
    return refuse(call, `getconf: bad '${name}' (this phone knows PAGESIZE)\n`);
  await call.out(`${pageBytes()}\n`);
  return 0;
};

const uptime: Command = async (call) => {
  const at = new Date().toISOString().slice(11, 19);
  const minutes = Math.floor(hostUptime() / 60);
  await call.out(
    ` ${at} up ${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')},  0 users,  load average: ${loadavg()
      .map((load) => load.toFixed(2))
      .join(', ')}\n`,
  );
  return 0;
};

export const DEVICE_COMMANDS: readonly (readonly [string, Command])[] = [
  ['getprop', getprop],
  ['setprop', setprop],
  ['dumpsys', dumpsys],
  ['cmd', cmd],
  ['settings', settings],
  ['pm', pm],
  ['am', (call) => refuse(call, 'am: this phone has no activity manager\n')],
  ['input', (call) => refuse(call, 'input: this phone has no screen\n')],
  ['logcat', logcat],
  ['service', service],
  ['id', id],
  [
    'whoami',
    async (call) => {
      await call.out('shell\n');
      return 0;
    },
  ],
  ['uname', uname],
  ['getconf', getconf],
  ['uptime', uptime],
  [
    'hostname',
    async (call) => {
      await call.out('localhost\n');
      return 0;
    },
  ],
];
