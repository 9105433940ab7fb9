// Bytes as WebAuthn's JSON writes them. Browsers that read and write that JSON themselves need none of this.

/** Unpadded base64url, as RFC 4648 has it. */
export function toBase64url(bytes: ArrayBuffer): string {
  const symbols = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join("");
  return btoa(symbols).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The bytes of it, padded or not. Throws if it is none. */
export function fromBase64url(text: string): ArrayBuffer {
  const symbols = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(symbols, (symbol) => symbol.charCodeAt(0)).buffer;
}
