// Chromium for tests: finding and starting it, pages with a small fake camera,
// conditions that are waited for, and what WebRTC statistics say of media.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** How long a condition of a page may take, in milliseconds, on a machine that has more to do. */
export const PATIENCE = 45_000;

/** Where the browser is: CHROMIUM, or what PATH has. */
export function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const dir of (process.env.PATH ?? '').split(path.delimiter)) {
    for (const name of NAMES) {
      const file = path.join(dir, name);
      if (dir && existsSync(file)) return file;
    }
  }
  throw new Error('These tests need Chromium: install it (apt-get install chromium), or name it in CHROMIUM.');
}

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // One small moving picture with a beep: ten frames a second are enough.
  '--use-fake-device-for-media-stream=device-count=2,fps=10',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  '--auto-select-desktop-capture-source=Entire screen',
  // Addresses of this machine as they are: nobody resolves mDNS names here.
  '--disable-features=WebRtcHideLocalIpsWithMdns,Translate,MediaRouter',
];

/** Starts one browser; a test file has one, with a context for each person. */
export function launchBrowser() {
  return chromium.launch({ executablePath: findChromium(), headless: true, args: FLAGS });
}

/** Asks for the smallest picture, whatever the page asks for. */
function smallPictures() {
  const devices = navigator.mediaDevices;
  if (!devices) return;
  const ask = devices.getUserMedia.bind(devices);
  const size = { width: { ideal: 160 }, height: { ideal: 120 }, frameRate: { ideal: 10, max: 10 } };
  devices.getUserMedia = (want = {}) =>
    ask(want.video ? { ...want, video: { ...(want.video === true ? {} : want.video), ...size } } : want);
}

/** Blurred glass over moving pictures, drawn without a GPU, takes a whole core. */
function noGlass() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync('*, *::before, *::after { filter: none !important; backdrop-filter: none !important }');
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

/**
 * A page in a context of its own: another person, or another device of one.
 * What the page throws or logs as an error is in page.troubles.
 *
 * It is drawn cheaply, without motion and blur, unless `finery` is asked for.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {import('playwright-core').BrowserContextOptions & {finery?: boolean}} [options]
 */
export async function newPage(browser, { finery = false, ...options } = {}) {
  const context = await browser.newContext({
    viewport: { width: 1100, height: 720 },
    permissions: ['camera', 'microphone'],
    reducedMotion: finery ? 'no-preference' : 'reduce',
    ...options,
  });
  await context.addInitScript(smallPictures);
  if (!finery) await context.addInitScript(noGlass);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.troubles = [];
  page.on('pageerror', (err) => page.troubles.push(String(err.stack ?? err)));
  page.on('console', (m) => {
    // Chromium's own words about lost connections are expected.
    if (m.type() === 'error' && !/ERR_|WebSocket connection|Failed to load resource/.test(m.text())) {
      page.troubles.push(m.text());
    }
  });
  return page;
}

/** Ends a person: the tab closes, and its socket with it. */
export async function closePages(...pages) {
  await Promise.all(pages.map((page) => page?.context().close()));
}

/** Closes every page of the browser. */
export async function leaveAll(browser) {
  await Promise.all((browser?.contexts() ?? []).map((context) => context.close()));
}

/** Waits until look() gives something true and returns that. */
export async function eventually(what, look, ms = PATIENCE) {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`within ${ms} ms it did not happen that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
}

/**
 * What has come through the page's RTCPeerConnection so far, of either kind of
 * page: frames decoded, audio packets received, video frames sent, and the
 * energy of the sound (W3C webrtc-stats §8.1).
 */
export function mediaOf(page) {
  return page.evaluate(async () => {
    const pc = window.app?.pc ?? window.__tandem?.call?.connection;
    const sum = { frames: 0, audio: 0, energy: 0, framesSent: 0, videoLines: 0, width: 0, state: pc?.connectionState };
    if (!pc) return sum;
    for (const row of (await pc.getStats()).values()) {
      if (row.type === 'inbound-rtp' && row.kind === 'video') {
        sum.frames += row.framesDecoded ?? 0;
        sum.width = row.frameWidth ?? sum.width;
        sum.videoLines++;
      }
      if (row.type === 'inbound-rtp' && row.kind === 'audio') {
        sum.audio += row.packetsReceived ?? 0;
        sum.energy += row.totalAudioEnergy ?? 0;
      }
      if (row.type === 'outbound-rtp' && row.kind === 'video') sum.framesSent += row.framesSent ?? 0;
    }
    return sum;
  });
}

/**
 * Waits until media comes to every one of the pages: at least `frames` more
 * decoded frames (0: a call without pictures) and `packets` more of sound.
 */
export async function mediaFlows(pages, { frames = 5, packets = 20, ms = PATIENCE } = {}) {
  const before = await Promise.all(pages.map(mediaOf));
  let now = before;
  try {
    await eventually('media flows', async () => {
      now = await Promise.all(pages.map(mediaOf));
      // After a reload a new connection counts from zero.
      return now.every((m, i) => {
        if (m.frames < before[i].frames || m.audio < before[i].audio) before[i] = m;
        return m.frames - before[i].frames >= frames && m.audio - before[i].audio >= packets;
      });
    }, ms);
  } catch (err) {
    throw new Error(`${err.message}: before ${JSON.stringify(before)}, now ${JSON.stringify(now)}`, { cause: err });
  }
  return now;
}
