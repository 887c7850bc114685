/** Several probes in one shell command, told apart in its output: a round trip over adb costs more than a probe. */

const MARK = '--bungee-section--';

/** Runs every command, whatever becomes of the others; what they say on stderr is of no interest. */
export function joinSections(sections: readonly (readonly [name: string, command: string])[]): string {
  return sections.map(([name, command]) => `echo ${MARK} ${name}; (${command}) 2>/dev/null`).join('; ');
}

/** @returns the output of a section by its name; empty where the phone gave none. */
export function splitSections(stdout: string): (name: string) => string {
  const texts = new Map(
    stdout.split(`${MARK} `).map((part): [string, string] => {
      const end = part.search(/\r?\n/);
      return end < 0 ? [part.trim(), ''] : [part.slice(0, end).trim(), part.slice(end).replace(/^\r?\n/, '')];
    }),
  );
  return (name) => texts.get(name) ?? '';
}
