/** The headset page: join, a short fit check, the place, the way out. */

import type { MicState } from '../shared/control';
import { Diagnostics } from './diagnostics';
import { PressTwice } from './gestures';
import { vrSupported } from './immersive';
import { MIC_WORDS, Microphone, micWords } from './microphone';
import { codeFromAddress, digits, join, stillJoined } from './joining';
import { SoundOut } from './sound';
import { element, show, tell, type View } from './views';
import { AFTER_END, AFTER_STOP, sayOneByOne } from './wayout';
import { World } from './world';

/** A stop that the server has not confirmed survives a reload of the page. */
const STOP_KEY = 'stillwater-stop';
const CAPTION_MAX_S = 20;
const MIC_SHOWN_S = 2.5;

class Page {
  readonly #diagnostics = new Diagnostics();
  readonly #calmer = matchMedia('(prefers-reduced-motion: reduce)');
  readonly #escape = new PressTwice();
  #sound: SoundOut | null = null;
  #soundOpen = false;
  #listening = false;
  #microphone: Microphone | null = null;
  #world: World | null = null;
  #captionTimer: ReturnType<typeof setTimeout> | null = null;

  async open(): Promise<void> {
    this.#wireJoin();
    this.#wireFit();
    this.#wirePlace();
    element('again', HTMLButtonElement).addEventListener('click', () => {
      location.hash = 'join';
      location.reload();
    });
    const address = new URL(location.href);
    const code = codeFromAddress(address);
    const forced = address.hash === '#join' || code !== '';
    history.replaceState(null, '', address.pathname); // a code has no business in the history
    element('code', HTMLInputElement).value = code;
    if (!forced && (await stillJoined())) await this.#resume();
    else this.#show('join');
    document.body.dataset['ready'] = 'yes';
  }

  async #resume(): Promise<void> {
    if (sessionStorage.getItem(STOP_KEY) === null) {
      await this.#showFit();
    } else {
      const world = this.#theWorld();
      world.startScreen();
      world.stop('page');
    }
  }

  #show(view: View): void {
    this.#diagnostics.set({ view: show(view) });
  }

  // ---- join ----

  #wireJoin(): void {
    const form = element('join-form', HTMLFormElement);
    const field = element('code', HTMLInputElement);
    const trouble = element('join-trouble', HTMLElement);
    field.addEventListener('input', () => {
      field.value = digits(field.value);
      tell(trouble, '');
    });
    for (const key of form.querySelectorAll<HTMLButtonElement>('button[data-digit]')) {
      key.addEventListener('click', () => {
        field.value = digits(field.value + (key.dataset['digit'] ?? ''));
        tell(trouble, '');
      });
    }
    element('erase', HTMLButtonElement).addEventListener('click', () => (field.value = field.value.slice(0, -1)));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#join(digits(field.value), trouble);
    });
  }

  async #join(code: string, trouble: HTMLElement): Promise<void> {
    if (code.length < 6) {
      tell(trouble, `A code has six digits; there are ${code.length} so far.`);
      return;
    }
    const button = element('join-button', HTMLButtonElement);
    button.disabled = true;
    const answer = await join(code);
    button.disabled = false;
    if (answer.joined) {
      sessionStorage.removeItem(STOP_KEY);
      if (this.#world === null) await this.#showFit();
      else location.reload(); // the old place was left for good; start afresh
    } else {
      tell(trouble, answer.why);
      element('code', HTMLInputElement).select();
    }
  }

  // ---- fit check ----

  async #showFit(): Promise<void> {
    const vr = await vrSupported();
    element('enter-vr', HTMLButtonElement).hidden = !vr;
    element('mic-in-vr', HTMLElement).hidden = !vr;
    tell(element('fit-vr', HTMLElement), vr ? '' : 'This browser has no VR, so the place appears on this screen.');
    this.#show('fit');
  }

  #wireFit(): void {
    for (const side of ['left', 'right'] as const) {
      element(`tone-${side}`, HTMLButtonElement).addEventListener('click', () => {
        void this.#unlock().then((sound) => sound.tone(side));
      });
    }
    element('mic-yes', HTMLButtonElement).addEventListener('click', () => void this.#agree());
    element('mic-no', HTMLButtonElement).addEventListener('click', () => this.#theMicrophone().release());
    element('enter-vr', HTMLButtonElement).addEventListener('click', () => void this.#enter(true));
    element('look', HTMLButtonElement).addEventListener('click', () => void this.#enter(false));
    element('other-code', HTMLButtonElement).addEventListener('click', () => this.#show('join'));
  }

  async #unlock(): Promise<SoundOut> {
    this.#sound ??= new SoundOut();
    await this.#sound.unlock();
    return this.#sound;
  }

  // ---- the microphone ----

  #theMicrophone(): Microphone {
    this.#sound ??= new SoundOut();
    this.#microphone ??= new Microphone(this.#sound.context, (state) => this.#micChanged(state));
    return this.#microphone;
  }

  /** The patient says yes, by a click or a key. */
  async #agree(): Promise<void> {
    const state = await this.#theMicrophone().agree();
    if (state !== 'on' || this.#world === null || !this.#soundOpen) return;
    await this.#pour(this.#world);
  }

  async #pour(world: World): Promise<void> {
    if (this.#theMicrophone().state !== 'on') return;
    const line = new MessageChannel();
    world.connectMicrophone(line.port2);
    await this.#theMicrophone().pour(line.port1);
  }

  #micSwitched(): void {
    if (this.#theMicrophone().wanted) this.#theMicrophone().release();
    else void this.#agree();
  }

  #micChanged(state: MicState): void {
    this.#world?.micState(state, this.#theMicrophone().agreed);
    if (document.body.dataset['vr'] === 'yes') this.#world?.caption(`${MIC_WORDS[state]}.`, MIC_SHOWN_S);
    if (state !== 'on') this.#world?.connectMicrophone(null);
    const on = state === 'on';
    element('mic-yes', HTMLButtonElement).ariaPressed = String(on);
    element('mic-no', HTMLButtonElement).ariaPressed = String(!on);
    const why = { on: 'It is on. You can mute it at any moment.', off: '', denied: 'The browser does not allow it. You can go on without.', missing: 'No microphone was found. You can go on without.' };
    tell(element('mic-trouble', HTMLElement), why[state]);
    const button = element('mic', HTMLButtonElement);
    button.dataset['state'] = state;
    button.ariaPressed = String(on);
    tell(element('mic-words', HTMLElement), MIC_WORDS[state]);
    this.#tellListening(this.#listening);
  }

  /** Whether the microphone is heard now: a filled sign, and words for screen readers. */
  #tellListening(listening: boolean): void {
    this.#listening = listening;
    const state = this.#microphone?.state ?? 'off';
    element('mic', HTMLButtonElement).dataset['heard'] = state === 'on' && listening ? 'yes' : 'no';
    tell(element('mic-live', HTMLElement), micWords(state, listening));
  }

  #theWorld(): World {
    this.#sound ??= new SoundOut();
    this.#world ??= new World(
      element('view', HTMLCanvasElement),
      this.#sound,
      () => this.#calmer.matches,
      this.#diagnostics,
      {
        status: (text) => tell(element('status', HTMLElement), text),
        caption: (text, forS) => this.#caption(text, forS),
        over: (how) => this.#over(how),
        gone: (why) => this.#gone(why),
        vr: (on) => this.#vrChanged(on),
        unwell: () => this.#unwell(),
        switchMic: () => this.#micSwitched(),
        listening: (on) => this.#tellListening(on),
        stopRequested: () => sessionStorage.setItem(STOP_KEY, 'yes'),
        stopConfirmed: () => sessionStorage.removeItem(STOP_KEY),
      },
    );
    return this.#world;
  }

  /** Into the place. Both doors are clicks, which browsers ask for before sound and VR. */
  async #enter(vr: boolean): Promise<void> {
    const trouble = element('fit-trouble', HTMLElement);
    tell(trouble, '');
    const world = this.#theWorld();
    try {
      // VR first: the browser counts the click's permission in seconds
      if (vr) await world.enterVr();
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      tell(trouble, 'VR could not start. You can try again, or look on this screen.');
      return;
    }
    this.#show('place');
    world.startScreen();
    await this.#openSound(world);
  }

  async #openSound(world: World): Promise<void> {
    const sound = await this.#unlock();
    if (this.#soundOpen) return;
    this.#soundOpen = true;
    world.connectSound(await sound.open());
    world.micState(this.#theMicrophone().state, this.#theMicrophone().agreed);
    await this.#pour(world);
  }

  // ---- the place ----

  #wirePlace(): void {
    element('stop', HTMLButtonElement).addEventListener('click', () => this.#stop('button'));
    element('mic', HTMLButtonElement).addEventListener('click', () => this.#micSwitched());
    element('unwell', HTMLButtonElement).addEventListener('click', () => this.#unwell());
    window.addEventListener('keydown', (event) => {
      if (event.key.toLowerCase() === 'u' && !event.repeat && document.body.dataset['view'] === 'place') this.#unwell();
      if (event.key.toLowerCase() === 'm' && !event.repeat && document.body.dataset['view'] === 'place') this.#micSwitched();
      if (event.key !== 'Escape' || event.repeat || document.body.dataset['view'] !== 'place') return;
      if (this.#escape.press(performance.now())) this.#stop('key');
      else this.#caption('Press Escape once more to stop.', 2);
    });
    const motion = element('motion', HTMLButtonElement);
    motion.hidden = !('DeviceOrientationEvent' in window && matchMedia('(pointer: coarse)').matches);
    motion.addEventListener('click', () => {
      void this.#world?.followDevice().then((follows) => (motion.hidden = follows));
    });
    element('back-to-vr', HTMLButtonElement).addEventListener('click', () => void this.#enter(true));
  }

  #stop(source: 'button' | 'key'): void {
    this.#world?.stop(source);
  }

  /** The place answers within seconds; the words say so at once. */
  #unwell(): void {
    this.#world?.unwell(1);
    this.#caption('Thank you. The place becomes calmer. You can stop at any moment.', 6);
  }

  #caption(text: string, forS: number): void {
    this.#world?.caption(text, Math.min(CAPTION_MAX_S, forS));
    const region = element('caption', HTMLElement);
    if (this.#captionTimer !== null) clearTimeout(this.#captionTimer);
    tell(region, text);
    region.dataset['shown'] = 'yes';
    this.#captionTimer = setTimeout(() => delete region.dataset['shown'], Math.min(CAPTION_MAX_S, forS) * 1000);
  }

  #over(how: 'stopped' | 'ended'): void {
    this.#theMicrophone().end();
    this.#show('out');
    sayOneByOne(how === 'stopped' ? AFTER_STOP : AFTER_END, (sentence) => {
      tell(element('out-words', HTMLElement), sentence);
      this.#world?.say(sentence);
    });
  }

  #gone(why: 'refused' | 'replaced'): void {
    if (document.body.dataset['view'] === 'out') return;
    void this.#world?.leaveVr();
    this.#world?.stopScreen();
    const words = {
      refused: 'This device is not joined any more. Please enter a new code.',
      replaced: 'The session was opened on another page. To come back here, please enter a new code.',
    };
    tell(element('join-trouble', HTMLElement), words[why]);
    this.#theMicrophone().release();
    this.#world?.close();
    this.#show('join');
  }

  #vrChanged(on: boolean): void {
    document.body.dataset['vr'] = on ? 'yes' : 'no';
    void vrSupported().then((vr) => (element('back-to-vr', HTMLButtonElement).hidden = on || !vr));
  }
}

void new Page().open();
