// Waiting for a condition, never for time to pass.

/** Waits until look() gives something true and returns that. */
export async function eventually(what, look, ms = 15_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`within ${ms} ms it did not happen that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
