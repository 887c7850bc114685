import { readFile, realpath } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json; charset=utf-8',
};

/** A file of the built page; null for anything else, also outside of the folder by `..` or a link. */
export async function readStaticFile(
  folder: string,
  urlPath: string,
): Promise<{ readonly type: string; readonly content: Buffer } | null> {
  let path: string;
  try {
    path = decodeURIComponent(urlPath);
  } catch {
    return null;
  }
  const type = TYPES[extname(path === '/' ? 'index.html' : path)];
  if (type === undefined || path.includes('\0')) return null;
  try {
    const root = await realpath(folder);
    const file = await realpath(join(root, path === '/' ? 'index.html' : path));
    return file.startsWith(root + sep) ? { type, content: await readFile(file) } : null;
  } catch {
    return null;
  }
}
