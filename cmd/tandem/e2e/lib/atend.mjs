/** What is to be done at the end of each test. */
const duties = new WeakMap();

/**
 * Has fn done when the test ends, last one first. Unlike hooks of node:test, of
 * which those after one that throws are left out (a server that is left running
 * keeps the test file from ever ending), each is done, and what they threw fails
 * the test together.
 */
export function atEnd(t, fn) {
  const known = duties.get(t);
  if (known) {
    known.push(fn);
    return;
  }
  const mine = [fn];
  duties.set(t, mine);
  t.after(async () => {
    const errors = [];
    while (mine.length > 0) {
      try {
        await mine.pop()();
      } catch (e) {
        errors.push(e);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, errors.map((e) => e.message).join('\n'));
  });
}
