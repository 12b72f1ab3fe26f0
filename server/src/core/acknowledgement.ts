/** How long a call waits until the owner of a webhook goes by what was stored. */
export const ACKNOWLEDGE_MS_MAX = 2_000;
