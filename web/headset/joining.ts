/** Joining: what the server says about a code or a cookie, in words for the patient. */

export type JoinAnswer = { readonly joined: true } | { readonly joined: false; readonly why: string };

const WHY: Readonly<Record<number, string>> = {
  401: 'That code is not right, or it has run out. Please look again, or ask for a new one.',
  409: 'Another headset has used this code. Please ask your therapist for a new one.',
  429: 'Too many tries. Please wait a minute and try again.',
};

/** Whether this browser has joined before and may go on. */
export async function stillJoined(): Promise<boolean> {
  const answer = await fetch('/api/headset/state', { cache: 'no-store' }).catch(networkOnly);
  if (answer === null || !answer.ok) return false;
  const state: unknown = await answer.json();
  return typeof state === 'object' && state !== null && 'joined' in state && state.joined === true;
}

/** Try six digits. */
export async function join(code: string): Promise<JoinAnswer> {
  const answer = await fetch('/api/headset/join', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Stillwater': '1' },
    body: JSON.stringify({ code }),
  }).catch(networkOnly);
  if (answer === null) return { joined: false, why: 'The server does not answer. Is this device on the same network?' };
  if (answer.ok) return { joined: true };
  return { joined: false, why: WHY[answer.status] ?? `The server said no (${answer.status}). Please ask your therapist.` };
}

/** Six digits from `?code=…` or `#code=…`, as a QR code brings them; '' if there are none. */
export function codeFromAddress(address: URL): string {
  const code = address.searchParams.get('code') ?? new URLSearchParams(address.hash.slice(1)).get('code') ?? '';
  return digits(code).length === 6 ? digits(code) : '';
}

/** The digits of a text, at most six. */
export function digits(text: string): string {
  return text.replace(/\D/g, '').slice(0, 6);
}

/** `fetch` fails with TypeError when the network does; anything else is our mistake. */
function networkOnly(error: unknown): null {
  if (error instanceof TypeError) return null;
  throw error;
}
