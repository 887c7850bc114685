/** Android's name of the host CPU; a virtual phone says what it really runs on. */
const ABI: Readonly<Record<string, string>> = {
  x64: 'x86_64',
  arm64: 'arm64-v8a',
  arm: 'armeabi-v7a',
  ia32: 'x86',
};

export function hostAbi(): string {
  return ABI[process.arch] ?? process.arch;
}

/** System properties of a Pixel 8, with everything that could mislead labelled virtual. */
export function factoryProperties(serial: string): Map<string, string> {
  const abi = hostAbi();
  return new Map([
    ['dev.bootcomplete', '1'],
    ['init.svc.adbd', 'running'],
    ['persist.sys.locale', 'en-US'],
    ['persist.sys.timezone', 'Etc/UTC'],
    ['ro.adb.secure', '1'],
    ['ro.board.platform', 'virtual'],
    ['ro.boot.serialno', serial],
    ['ro.build.characteristics', 'nosdcard'],
    ['ro.build.display.id', 'BUNGEE.VIRTUAL'],
    ['ro.build.fingerprint', 'bungee/shiba_virtual/shiba_virtual:14/BUNGEE.VIRTUAL/1:user/release-keys'],
    ['ro.build.id', 'BUNGEE.VIRTUAL'],
    ['ro.build.tags', 'release-keys'],
    ['ro.build.type', 'user'],
    ['ro.build.version.codename', 'REL'],
    ['ro.build.version.release', '14'],
    ['ro.build.version.sdk', '34'],
    ['ro.build.version.security_patch', '2024-06-05'],
    ['ro.bungee.virtual', '1'],
    ['ro.debuggable', '0'],
    ['ro.hardware', 'virtual'],
    ['ro.product.brand', 'bungee'],
    ['ro.product.cpu.abi', abi],
    ['ro.product.cpu.abilist', abi],
    ['ro.product.cpu.abilist64', abi],
    ['ro.product.device', 'shiba_virtual'],
    ['ro.product.manufacturer', 'Bungee'],
    ['ro.product.model', 'Pixel 8 (virtual)'],
    ['ro.product.name', 'shiba_virtual'],
    ['ro.secure', '1'],
    ['ro.serialno', serial],
    ['ro.soc.manufacturer', 'Bungee'],
    ['ro.soc.model', `virtual ${abi}`],
    ['ro.zygote', 'zygote64'],
    ['sys.boot_completed', '1'],
  ]);
}
