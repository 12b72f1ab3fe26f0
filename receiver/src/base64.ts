/** Standard alphabet with padding (RFC 4648, section 4). `toBase64` of bytes needs Node 25. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/**
 * The bytes, or undefined unless the text is their only spelling: `atob` alone also takes white
 * space, missing padding and stray bits at the end (RFC 4648, section 3.5).
 */
export function decodeCanonicalBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const binary = decode(text);
  if (binary === undefined || btoa(binary) !== text) return undefined;
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function decode(text: string): string | undefined {
  try {
    return atob(text);
  } catch {
    return undefined;
  }
}
