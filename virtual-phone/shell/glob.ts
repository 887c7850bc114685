/** Shell patterns. In a pattern a backslash makes the next character literal. */

const REGEXP_SPECIAL = /[.*+?^${}()|[\]\\/]/;

function escaped(char: string): string {
  return REGEXP_SPECIAL.test(char) ? `\\${char}` : char;
}

/** Makes text literal inside a pattern. */
export function literalPattern(text: string): string {
  return text.replaceAll(/[\\*?[\]]/g, '\\$&');
}

/** The text of a pattern whose special characters are all escaped. */
export function patternText(pattern: string): string {
  return pattern.replaceAll(/\\(.)/gs, '$1');
}

export function isPattern(pattern: string): boolean {
  return /[*?[]/.test(pattern.replaceAll(/\\./gs, ''));
}

/** Source of a regular expression that matches what the pattern matches. */
export function patternSource(pattern: string, options: { lazy?: boolean } = {}): string {
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at] ?? '';
    if (char === '\\') {
      at += 1;
      source += escaped(pattern[at] ?? '\\');
    } else if (char === '*') source += options.lazy === true ? '[^]*?' : '[^]*';
    else if (char === '?') source += '[^]';
    else if (char === '[') {
      const end = pattern.indexOf(']', at + 2);
      if (end < 0) source += '\\[';
      else {
        const body = pattern
          .slice(at + 1, end)
          .replace(/^!/, '^')
          .replaceAll(/[\\\]]/g, '\\$&');
        source += `[${body}]`;
        at = end;
      }
    } else source += escaped(char);
  }
  return source;
}

export function matchesPattern(pattern: string, text: string): boolean {
  try {
    return new RegExp(`^${patternSource(pattern)}$`).test(text);
  } catch {
    return patternText(pattern) === text; // A class such as [z-a] is no class: the pattern means itself.
  }
}

export interface GlobFolder {
  /** Names in a folder; empty when it cannot be listed. */
  readonly names: (path: string) => readonly string[];
  readonly exists: (path: string) => boolean;
}

/** Paths that a pattern matches, sorted; empty when none does. Names with a leading dot need one in the pattern. */
export function expandGlob(pattern: string, cwd: string, folder: GlobFolder): string[] {
  const parts = pattern.split('/');
  let found = pattern.startsWith('/') ? ['/'] : [''];
  const absolute = (path: string): string => (path.startsWith('/') ? path : `${cwd}/${path}`);
  for (const [index, part] of parts.entries()) {
    if (part === '') continue;
    const isLast = parts.slice(index + 1).every((rest) => rest === '');
    const join = (base: string, name: string): string =>
      base === '' || base.endsWith('/') ? `${base}${name}` : `${base}/${name}`;
    found = isPattern(part)
      ? found.flatMap((base) =>
          folder
            .names(absolute(base))
            .filter((name) => (part.startsWith('.') || !name.startsWith('.')) && matchesPattern(part, name))
            .map((name) => join(base, name))
            .filter((path) => isLast || folder.exists(absolute(path))),
        )
      : found.map((base) => join(base, patternText(part))).filter((path) => folder.exists(absolute(path)));
  }
  return found.sort();
}
