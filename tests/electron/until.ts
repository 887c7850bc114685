/** Waits for a condition that comes about by itself; throws with `what` when it does not. */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`it never came about: ${what}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}
