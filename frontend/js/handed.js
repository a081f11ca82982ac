/**
 * A task handed over in the address, `/#id=…&token=…`: psql, the admin and "Copy link" make those.
 * It stands behind the #, so it reaches no server and no log; it is wiped away once it was read.
 */

/** @returns {{id: string, token: string} | null} */
export function takeHandedTask() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const id = parts.get("id");
  const token = parts.get("token");
  if (!id || !token) return null;
  history.replaceState(null, "", location.pathname + location.search);
  return { id, token };
}

/** @param {{id: string, token: string}} task @returns {string} the address that opens it */
export function handOver({ id, token }) {
  const address = new URL(location.pathname, location.origin);
  address.hash = new URLSearchParams({ id, token }).toString();
  return address.href;
}
