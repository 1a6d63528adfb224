/* Solves a challenge of ALTCHA (https://altcha.org/docs/v2): counts up until the key that PBKDF2 derives from nonce and
   counter begins with the prefix that was asked for. crypto.subtle exists in secure contexts only: on https, and on
   http://localhost. challenge.js starts no worker elsewhere; the form is then sent unsolved, as without JavaScript. */
onmessage = async ({ data: { challenge, timeout } }) => {
  try {
    postMessage(await solve(challenge.parameters, timeout));
  } catch {
    postMessage(null);
  }
};

/* Null where the time is over. */
async function solve({ nonce, salt, cost, keyLength, keyPrefix }, timeout) {
  const from = performance.now(), password = new Uint8Array([...octets(nonce), 0, 0, 0, 0]);
  const tail = new DataView(password.buffer, password.length - 4);
  const how = { name: "PBKDF2", hash: "SHA-256", salt: octets(salt), iterations: cost };
  for (let counter = 0; performance.now() - from < timeout; counter++) {
    tail.setUint32(0, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const derivedKey = hex(await crypto.subtle.deriveBits(how, key, keyLength * 8));
    if (derivedKey.startsWith(keyPrefix)) return { counter, derivedKey, time: Math.round(performance.now() - from) };
  }
  return null;
}

const octets = (digits) => Uint8Array.from(digits.match(/../g), (pair) => parseInt(pair, 16));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (octet) => octet.toString(16).padStart(2, "0")).join("");
