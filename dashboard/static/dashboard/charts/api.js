/** An answer of the API other than success; `status` is 0 when there was no answer at all. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} detail
   * @param {string | null} attr the part of the request that is meant
   */
  constructor(status, code, detail, attr = null) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.attr = attr;
  }

  /** Whether signing in (again) would help. */
  get needsLogin() {
    return this.status === 401 || (this.status === 403 && this.code === "not_authenticated");
  }
}

/**
 * Read JSON from this site.
 * @param {string} path
 * @param {AbortSignal} [signal] gives the request up; its error is thrown as it is, an `AbortError`
 * @returns {Promise<any>}
 * @throws {ApiError}
 */
export async function getJson(path, signal = undefined) {
  return ask(path, { signal });
}

/**
 * Change something on this site.
 * @param {"POST" | "PATCH" | "DELETE"} method
 * @param {string} path
 * @param {Object} body
 * @returns {Promise<any>} null for an answer without a body
 * @throws {ApiError}
 */
export async function sendJson(method, path, body = {}) {
  const token = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] ?? "";
  return ask(path, { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json", "X-CSRFToken": token } });
}

async function ask(path, options) {
  let response;
  try {
    const headers = { Accept: "application/json", ...options.headers };
    response = await fetch(path, { ...options, headers, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "unreachable", String(error));
  }
  if (response.status === 204) return null;
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  const first = body?.errors?.[0];
  throw new ApiError(response.status, first?.code ?? "error", first?.detail ?? `HTTP ${response.status}`, first?.attr ?? null);
}
