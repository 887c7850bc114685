/** Failures that say nothing about the agent: the phone or adb itself is away. */
export function isPhoneTrouble(code: string): boolean {
  return code === 'phone-gone' || code === 'adb-unreachable' || code === 'phone-timeout';
}
