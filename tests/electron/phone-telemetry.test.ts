import { describe, expect, test } from 'vitest';
import { parseBattery } from '../../electron/devices/battery.ts';
import { parseCoreFiles, parseCores } from '../../electron/devices/cpu-cores.ts';
import { parseHardware } from '../../electron/devices/hardware.ts';
import { parseMemory } from '../../electron/devices/memory.ts';
import { parseNnapiDevices } from '../../electron/devices/nnapi-devices.ts';
import { deviceIdentity, parseGetprop } from '../../electron/devices/properties.ts';
import { splitSections } from '../../electron/devices/shell-sections.ts';
import { parseTelemetry } from '../../electron/devices/telemetry.ts';
import { hottest, parseThermalService, TYPE_CPU, TYPE_SKIN } from '../../electron/devices/thermal.ts';

// Single lines are those of captures that people published; what stands around them is the services' known layout.

/** Values of a Xiaomi 13T Pro (Android 16): the cached CPU value was stale, the NPU sensor is there. */
const XIAOMI = `IsStatusOverride: false
Thermal Status: 0
Cached temperatures:
	Temperature{mValue=84.2, mType=0, mName=CPU, mStatus=0}
HAL Ready: true
HAL connection:
	ThermalHAL AIDL 1  connected: yes
Current temperatures from HAL:
	Temperature{mValue=57.9, mType=0, mName=CPU, mStatus=0}
	Temperature{mValue=49.0, mType=9, mName=NPU, mStatus=0}
	Temperature{mValue=0.0, mType=5, mName=PA, mStatus=0}
Current cooling devices from HAL:
Temperature static thresholds from HAL:
	TemperatureThreshold{mType=3, mName=SKIN, mHotThrottlingThresholds=[NaN, NaN, NaN, 50.0, 70.0, 80.0, 90.0], mColdThrottlingThresholds=[NaN, NaN, NaN, NaN, NaN, NaN, NaN]}
`;

describe('thermal service', () => {
  test('a stale cached value is not read, nor an absent sensor, nor a threshold', () => {
    const reading = parseThermalService(XIAOMI);
    expect(reading.sensors).toEqual([
      { name: 'CPU', type: 0, celsius: 57.9 },
      { name: 'NPU', type: 9, celsius: 49 },
    ]);
    expect(hottest(reading, [TYPE_CPU, TYPE_SKIN])).toBe(57.9);
    expect(hottest(reading, [TYPE_SKIN])).toBeNull();
    expect(reading.cpuCoolingState).toBeNull();
  });

  test('a service whose HAL is not ready has cached values only, which say nothing', () => {
    const cut = XIAOMI.slice(0, XIAOMI.indexOf('HAL Ready')) + 'HAL Ready: false\n';
    expect(parseThermalService(cut)).toEqual({ status: 0, sensors: [], cpuCoolingState: null });
  });

  test.each([
    ['Temperature{mValue=33.5, mType=3, mName=VIRTUAL-SKIN, mStatus=0}', 'VIRTUAL-SKIN', 33.5],
    ['Temperature{mValue=-4.25, mType=3, mName=skin, mStatus=0}', 'skin', -4.25],
    ['Temperature{mValue=4.1E1, mType=3, mName=quiet_therm, mStatus=1}', 'quiet_therm', 41],
  ])('a case sensor by any name: %s', (line, name, celsius) => {
    const { sensors } = parseThermalService(`Current temperatures from HAL:\n\t${line}\n`);
    expect(sensors).toEqual([{ name, type: 3, celsius }]);
  });
});

describe('battery', () => {
  // Level, voltage and temperature of a Samsung capture; sections of its own follow AOSP's with other fields.
  const SAMSUNG = `Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 0
  Charge counter: 0
  status: 5
  health: 2
  present: true
  level: 84
  scale: 100
  voltage: 4063
  temperature: 326
  technology: Li-ion
  batteryMiscEvent: 0
  mSecPlugTypeSummary: 2
  LED Charging: true
  mSavedBatteryAsoc: 98
  temperature: 999
`;
  test('Samsung’s extra lines change nothing', () => {
    expect(parseBattery(SAMSUNG)).toEqual({ percent: 84, celsius: 32.6, charging: true, isHeld: false });
  });

  test('figures that somebody holds by hand are told as such', () => {
    const held = SAMSUNG.replace(
      'state:\n',
      "state:\n  (UPDATES STOPPED -- use 'reset' to restart)\n",
    ).replace('status: 5', 'status: 4');
    expect(parseBattery(held)).toMatchObject({ charging: false, isHeld: true });
  });
});

describe('NNAPI devices', () => {
  const aidl = (...names: string[]): string =>
    `Found 300 services:\n${names
      .map(
        (name, i) =>
          `${52 + i}\tandroid.hardware.neuralnetworks.IDevice/${name}: [android.hardware.neuralnetworks.IDevice]\n`,
      )
      .join('')}`;

  test.each<[string, string, string, string[] | null]>([
    [
      'a MediaTek phone',
      aidl('mtk-neuron_shim', 'mtk-dsp_shim', 'mtk-mdla_shim'),
      '',
      ['mtk-dsp_shim', 'mtk-mdla_shim', 'mtk-neuron_shim'],
    ],
    ['a Pixel', aidl('google-edgetpu'), '', ['google-edgetpu']],
    ['the emulator', aidl('nnapi-sample_all'), '', ['nnapi-sample_all']],
    [
      'an older phone over HIDL, once per version',
      aidl(),
      'android.hardware.neuralnetworks@1.2::IDevice/google-edgetpu\nandroid.hardware.neuralnetworks@1.3::IDevice/google-edgetpu\n',
      ['google-edgetpu'],
    ],
    ['a phone without any', aidl(), '', []],
    ['a phone that lists no services', '', '', null],
    ['one that refuses', 'service: Permission denied\n', 'lshal: inaccessible or not found\n', null],
  ])('%s', (_what, services, hidl, expected) => {
    expect(parseNnapiDevices(services, hidl)).toEqual(expected);
  });
});

describe('frequencies', () => {
  const file = (core: number, name: string, value: string): string =>
    `/sys/devices/system/cpu/cpu${core}/cpufreq/${name}:${value}\n`;

  test('are told per core, in order, whatever order they come in', () => {
    const text = file(10, 'scaling_cur_freq', '2914000') + file(2, 'scaling_cur_freq', '610000');
    expect([...parseCoreFiles(text)]).toEqual([
      [2, '610000'],
      [10, '2914000'],
    ]);
  });

  test('a core that hides one of its files is still a core', () => {
    const max = file(0, 'cpuinfo_max_freq', '1803000');
    const governors = file(0, 'scaling_governor', 'sched_pixel') + file(4, 'scaling_governor', 'walt');
    expect(parseCores(max, governors)).toEqual([
      { core: 0, maxKhz: 1_803_000, governor: 'sched_pixel' },
      { core: 4, maxKhz: null, governor: 'walt' },
    ]);
  });

  test('a refusal is no core', () => {
    expect(
      parseCores('grep: /sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq: Permission denied\n', ''),
    ).toEqual([]);
  });
});

test.each([
  [
    'MemTotal:        7683056 kB\nMemFree:          201280 kB\nMemAvailable:    2904112 kB\n',
    7_683_056 * 1024,
    2_904_112 * 1024,
  ],
  ['MemTotal:        7683056 kB\n', 7_683_056 * 1024, null],
  ['cat: /proc/meminfo: Permission denied\n', null, null],
])('memory of %j', (text, totalBytes, availableBytes) => {
  expect(parseMemory(text)).toEqual({ totalBytes, availableBytes });
});

describe('what a phone is made of', () => {
  const section = (name: string, text: string): string => `--bungee-section-- ${name}\n${text}`;

  test('out of one round trip', () => {
    expect(
      parseHardware(
        section('services', 'Found 2 services:\n1\tandroid.hardware.neuralnetworks.IDevice/enn: [x]\n') +
          section('max', '/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq:2000000\n') +
          section('governors', '') +
          section('memory', 'MemTotal:       1000 kB\n') +
          section('page', '16384\n') +
          section('gpu', 'GLES: ARM, Mali-G720-Immortalis MC12, OpenGL ES 3.2 v1.r44p1-00eac0\n'),
      ),
    ).toEqual({
      cores: [{ core: 0, maxKhz: 2_000_000, governor: null }],
      memoryBytes: 1_024_000,
      pageBytes: 16_384,
      nnapiDevices: ['enn'],
      gpu: 'Mali-G720-Immortalis MC12',
    });
  });

  test('a phone that answers nothing at all is known in nothing, without an error', () => {
    const nothing = { memoryBytes: null, pageBytes: null, nnapiDevices: null, gpu: null };
    expect(parseHardware('')).toEqual({ cores: [], ...nothing });
    expect(Object.values(parseTelemetry('sh: dumpsys: inaccessible or not found\n'))).toEqual([
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      false,
      null,
      null,
    ]);
  });

  test('sections are told apart where a probe ends without a newline, and where lines end in CR LF', () => {
    const read = splitSections('--bungee-section-- a\r\none--bungee-section-- b\r\ntwo\r\n');
    expect([read('a'), read('b'), read('c')]).toEqual(['one', 'two\r\n', '']);
  });
});

test.each([
  ['[ro.soc.model]: [Tensor G3]\n[ro.soc.manufacturer]: [Google]\n', 'Google Tensor G3'],
  ['[ro.soc.model]: [SM8550]\n[ro.soc.manufacturer]: [QTI]\n[ro.board.platform]: [kalama]\n', 'QTI SM8550'],
  ['[ro.hardware.chipname]: [exynos2400]\n[ro.board.platform]: [erd9945]\n', 'exynos2400'],
  ['[ro.board.platform]: [mt6989]\n[ro.soc.model]: []\n', 'mt6989'],
  ['[ro.hardware]: [ranchu]\n', null],
])('the SoC of %j is %s', (properties, soc) => {
  expect(deviceIdentity(parseGetprop(properties)).soc).toBe(soc);
});
