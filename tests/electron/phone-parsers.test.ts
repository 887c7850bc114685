import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAdbState } from '../../electron/adb/adb-state.ts';
import { ShellPacketReader, shellPacketHeader, shellQuote } from '../../electron/adb/shell-protocol.ts';
import { isAgentProcess } from '../../electron/agent/agent-on-phone.ts';
import { MAX_RESTARTS, RESTART_WINDOW_MS, restartDelayMs } from '../../electron/agent/restart-policy.ts';
import { SseParser } from '../../electron/agent/sse-parser.ts';
import { parseBattery } from '../../electron/devices/battery.ts';
import { parseFreeBytes } from '../../electron/devices/free-space.ts';
import { deviceIdentity, parseGetprop } from '../../electron/devices/properties.ts';
import { parseTelemetry } from '../../electron/devices/telemetry.ts';
import { hottest, parseThermalService } from '../../electron/devices/thermal.ts';
import { parseEvents } from '../../electron/runs/run-store.ts';

// Lines as `dumpsys thermalservice` printed them on phones: a Xiaomi 13T Pro (Android 16) and, for the layout
// around them, a Galaxy A52 (Android 12).
const THERMAL = `IsStatusOverride: false
ThermalEventListeners:
	callbacks: 4
	killed: false
	broadcasts count: -1
ThermalStatusListeners:
	callbacks: 9
Thermal Status: 2
Cached temperatures:
	Temperature{mValue=84.2, mType=0, mName=CPU, mStatus=0}
	Temperature{mValue=NaN, mType=3, mName=SKIN, mStatus=0}
HAL Ready: true
HAL connection:
	ThermalHAL 2.0 connected: yes
Current temperatures from HAL:
	Temperature{mValue=57.9, mType=0, mName=CPU, mStatus=0}
	Temperature{mValue=0.0, mType=1, mName=GPU, mStatus=0}
	Temperature{mValue=41.25, mType=3, mName=SKIN, mStatus=2}
	Temperature{mValue=NaN, mType=9, mName=NPU, mStatus=0}
	Temperature{mValue=36.4, mType=2, mName=BATTERY, mStatus=0}
Current cooling devices from HAL:
	CoolingDevice{mValue=0, mType=2, mName=thermal-cpufreq-0}
	CoolingDevice{mValue=3, mType=2, mName=thermal-cpufreq-1}
Temperature static thresholds from HAL:
	TemperatureThreshold{mType=3, mName=SKIN, mHotThrottlingThresholds=[NaN, NaN, NaN, 50.0, 70.0, 80.0, 90.0], mColdThrottlingThresholds=[NaN]}
`;
const BATTERY = `Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 500000
  Charge counter: 3123000
  status: 2
  health: 2
  present: true
  level: 84
  scale: 100
  voltage: 4063
  temperature: 326
  technology: Li-ion
  LED Charging: true
`;

describe('dumpsys thermalservice', () => {
  test('takes the values of the HAL section only, without NaN and absent sensors', () => {
    const reading = parseThermalService(THERMAL);
    expect(reading.status).toBe(2);
    expect(reading.sensors).toEqual([
      { name: 'CPU', type: 0, celsius: 57.9 },
      { name: 'SKIN', type: 3, celsius: 41.25 },
      { name: 'BATTERY', type: 2, celsius: 36.4 },
    ]);
    expect(hottest(reading, [0, 3])).toBe(57.9);
    expect(hottest(reading, [9])).toBeNull();
  });

  test.each([
    ['HAL Ready: false\n', { status: null, sensors: [], cpuCoolingState: null }],
    ['', { status: null, sensors: [], cpuCoolingState: null }],
    ['Thermal Status: 0\nHAL Ready: false\n', { status: 0, sensors: [], cpuCoolingState: null }],
    ["Can't find service: thermalservice\n", { status: null, sensors: [], cpuCoolingState: null }],
  ])('a phone that tells less: %j', (text, expected) => {
    expect(parseThermalService(text)).toEqual(expected);
  });
});

describe('dumpsys battery', () => {
  test.each([
    [BATTERY, { percent: 84, celsius: 32.6, charging: true, isHeld: false }],
    [
      `${BATTERY.replace('status: 2', 'status: 3')}  (UPDATES STOPPED -- use 'reset' to restart)\n`,
      { percent: 84, celsius: 32.6, charging: false, isHeld: true },
    ],
    [
      '  status: 5\n  level: 50\n  scale: 200\n',
      { percent: 25, celsius: null, charging: true, isHeld: false },
    ],
    ['  status: 1\n', { percent: null, celsius: null, charging: null, isHeld: false }],
    ['', { percent: null, celsius: null, charging: null, isHeld: false }],
  ])('%#', (text, expected) => {
    expect(parseBattery(text)).toEqual(expected);
  });

  test('the dumps of one round trip are taken apart', () => {
    const section = (name: string, text: string): string => `--bungee-section-- ${name}\n${text}`;
    const frequencies = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq:1804800\n';
    expect(
      parseTelemetry(
        section('thermal', THERMAL) +
          section('battery', BATTERY) +
          section('frequencies', frequencies) +
          section('memory', 'MemTotal: 3000 kB\nMemAvailable: 2000 kB\n'),
      ),
    ).toEqual({
      temperatureC: 57.9,
      skinC: 41.25,
      thermalStatus: 2,
      cpuCoolingState: 3,
      batteryPercent: 84,
      batteryC: 32.6,
      charging: true,
      batteryHeld: false,
      coreKhz: [1_804_800],
      availableBytes: 2_048_000,
    });
  });
});

describe('getprop', () => {
  const identity = (text: string) => deviceIdentity(parseGetprop(text));
  test('gives name, version, ABI and SoC', () => {
    expect(
      identity(
        '[ro.product.model]: [Pixel 8]\n[ro.product.manufacturer]: [Google]\n[ro.build.version.release]: [15]\n' +
          '[ro.build.version.sdk]: [35]\n[ro.product.cpu.abilist]: [arm64-v8a,armeabi-v7a]\n[ro.soc.model]: [Tensor G3]\n' +
          '[ro.soc.manufacturer]: [Google]\n[persist.x]: [one\ntwo]\n',
      ),
    ).toEqual({
      kind: 'physical',
      model: 'Google Pixel 8',
      androidVersion: '15',
      sdk: 35,
      abi: 'arm64-v8a',
      soc: 'Google Tensor G3',
      systemBuild: null,
    });
  });
  test('a phone is virtual only when it says so, and unknown where it says nothing', () => {
    expect(identity('[ro.bungee.virtual]: [1]\r\n').kind).toBe('virtual');
    expect(identity('[ro.bungee.virtual]: [0]\n[ro.product.model]: [virtual]\n').kind).toBe('physical');
    expect(identity('')).toMatchObject({ model: null, sdk: null, abi: null, soc: null });
  });
});

test.each([
  [
    'Filesystem     1K-blocks    Used Available Use% Mounted on\n/dev/block/dm-44 114150404 80000000 34150404  71% /data\n',
    34_150_404 * 1024,
  ],
  [
    'Filesystem 1K-blocks Used Available Use% Mounted on\n/dev/block/a-very-long-name\n   100 40 60 40% /data\n',
    60 * 1024,
  ],
  ['df: /data: Permission denied\n', null],
  ['', null],
])('free space of %j', (text, expected) => {
  expect(parseFreeBytes(text)).toBe(expected);
});

test.each([
  ['device', 'device'],
  ['unauthorized', 'unauthorized'],
  ['no permissions (missing udev rules?)', 'no-permissions'],
  ['gone', 'unknown'],
  ['rescue', 'recovery'],
  ['', 'unknown'],
])('adb state %j is %s', (words, state) => {
  expect(parseAdbState(words)).toBe(state);
});

test.each([
  ['  PID ARGS\n 4711 node /data/x/agent.mjs --port 0\n', 4711, true],
  ['  PID ARGS\n 4711 com.android.systemui\n', 4711, false],
  ['  PID ARGS\n 471 node agent.mjs\n', 4711, false],
  ['', 1, false],
])('the process list %j holds an agent %i: %s', (ps, pid, expected) => {
  expect(isAgentProcess(ps, pid)).toBe(expected);
});

test('shell packets are found whatever the chunks', () => {
  const packet = fc.record({ id: fc.integer({ min: 0, max: 5 }), payload: fc.uint8Array({ maxLength: 40 }) });
  fc.assert(
    fc.property(
      fc.array(packet, { maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
      (packets, cuts) => {
        const bytes = Buffer.concat(
          packets.flatMap((p) => [shellPacketHeader(p.id, p.payload.length), Buffer.from(p.payload)]),
        );
        const reader = new ShellPacketReader();
        const found = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = cuts[i % cuts.length] ?? 1;
          found.push(...reader.push(bytes.subarray(at, at + size)));
          at += size;
        }
        expect(found.map((p) => ({ id: p.id, payload: [...p.payload] }))).toEqual(
          packets.map((p) => ({ id: p.id, payload: [...p.payload] })),
        );
      },
    ),
  );
});

test('server-sent events are found whatever the chunks', () => {
  const text = ': hello\n\nid: 1\ndata: {"a":1}\n\nid: 2\r\ndata: x\r\ndata: y\r\n\r\ndata:\n\nevent: z\n\n';
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (cuts) => {
      const parser = new SseParser();
      const found = [];
      for (let at = 0, i = 0; at < text.length; i++) {
        const size = cuts[i % cuts.length] ?? 1;
        found.push(...parser.push(text.slice(at, at + size)));
        at += size;
      }
      expect(found).toEqual([
        { id: '1', data: '{"a":1}' },
        { id: '2', data: 'x\ny' },
        { id: null, data: '' },
      ]);
    }),
  );
});

test('a quoted word never ends its quotes', () => {
  fc.assert(
    fc.property(fc.string(), (word) => {
      const quoted = shellQuote(word);
      if (!quoted.startsWith("'")) expect(quoted).toMatch(/^[\w./:=@%+-]+$/);
      else expect(quoted.slice(1, -1).replaceAll(`'\\''`, '')).not.toContain("'");
    }),
  );
});

test('restarts are at most three in five minutes, whenever the crashes were', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 * RESTART_WINDOW_MS }), { maxLength: 12 }), (times) => {
      const now = 2 * RESTART_WINDOW_MS;
      const crashes = [...times].sort((a, b) => a - b);
      const recent = crashes.filter((at) => now - at < RESTART_WINDOW_MS).length;
      expect(restartDelayMs(crashes, now) === null).toBe(recent >= MAX_RESTARTS);
    }),
  );
});

test('a torn or foreign line of an event log is left out, the others stay', () => {
  const note = (text: string) => JSON.stringify({ kind: 'note', hostAtMs: 1, severity: 'info', text });
  const whole = `${note('a')}\n{"kind":"from-the-future"}\n\n${note('b')}\n`;
  for (let cut = 0; cut <= note('c').length; cut++) {
    const events = parseEvents(whole + note('c').slice(0, cut));
    expect(events.map((e) => (e.kind === 'note' ? e.text : ''))).toEqual(
      cut === note('c').length ? ['a', 'b', 'c'] : ['a', 'b'],
    );
  }
});
