/**
 * DOMException and its subclass, which only their constructors make.
 *
 * @module
 */

/** A DOMException that says by how much a quota was exceeded; the runtime's types do not know it yet. */
interface QuotaExceeded extends DOMException {
  readonly quota: number | null;
  readonly requested: number | null;
}

const { QuotaExceededError } = globalThis as unknown as {
  QuotaExceededError?: new (message: string, options: { quota?: number; requested?: number }) => QuotaExceeded;
};

/** Of a QuotaExceededError, the quota and what was requested, as far as they are known; `null` for any other. */
export function quotaOf(error: DOMException): [quota: number | null, requested: number | null] | null {
  if (QuotaExceededError === undefined || !(error instanceof QuotaExceededError)) return null;
  return [numberOrNull(error.quota), numberOrNull(error.requested)];
}

function numberOrNull(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

/** The error that {@linkcode quotaOf} and its texts describe; `null` if they are not valid. */
export function domException(message: string, name: string, excess: readonly unknown[] | null): DOMException | null {
  if (excess === null) return new DOMException(message, name);
  const [quota, requested] = excess;
  if (QuotaExceededError === undefined || !isCount(quota) || !isCount(requested)) return null;
  try {
    return new QuotaExceededError(message, {
      ...(quota !== null && { quota }),
      ...(requested !== null && { requested }),
    });
  } catch {
    return null; // less than 0, or no more requested than there is
  }
}

function isCount(value: unknown): value is number | null {
  return value === null || typeof value === "number";
}
