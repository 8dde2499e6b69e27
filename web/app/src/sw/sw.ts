/// <reference lib="webworker" />

// The service worker: it shows what is pushed while nobody looks at the page, and
// opens the page. It keeps nothing and serves nothing: a page that is loaded comes
// from the server.

import type { Errand } from '../push/errand'
import { decide, readPush, type About, type Notice } from './notice'

const self = globalThis as unknown as ServiceWorkerGlobalScope

/** Actions and vibration are not in TypeScript's types: not all browsers have them. */
interface Rich extends NotificationOptions {
  actions?: { action: string; title: string }[]
  renotify?: boolean
  timestamp?: number
  vibrate?: number[]
}

self.addEventListener('install', () => void self.skipWaiting())
self.addEventListener('activate', (e) => e.waitUntil(self.clients.claim()))
self.addEventListener('push', (e) => e.waitUntil(pushed(e.data?.text() ?? '')))
self.addEventListener('notificationclick', (e) => {
  e.notification.close()
  const doing = e.action === 'answer' || e.action === 'decline' ? e.action : 'open'
  e.waitUntil(clicked(doing, e.notification.data as About))
})

const windows = (): Promise<readonly WindowClient[]> => self.clients.matchAll({ type: 'window', includeUncontrolled: true })

async function pushed(text: string): Promise<void> {
  const push = readPush(text)
  if (!push) return
  const open = await windows()
  const { show, close } = decide(push, Date.now(), open.some((w) => w.visibilityState === 'visible' && w.focused))
  if (close) for (const n of await self.registration.getNotifications({ tag: close })) n.close()
  if (show) await self.registration.showNotification(show.title, options(show, open.length > 0))
}

function options(notice: Notice, pageOpen: boolean): Rich {
  return {
    body: notice.body, tag: notice.tag, data: notice.about, timestamp: notice.at, renotify: true, icon: 'icon.svg', badge: 'icon.svg',
    ...(notice.ringing
      ? {
          requireInteraction: true, vibrate: [400, 200, 400, 200, 400],
          // Only a page can decline a call; without one the ring is silenced here.
          actions: [{ action: 'answer', title: 'Answer' }, { action: 'decline', title: pageOpen ? 'Decline' : 'Dismiss' }],
        }
      : {}),
  }
}

async function clicked(doing: Errand['do'], about: About): Promise<void> {
  const errand: Errand = { do: doing, ...about }
  const open = await windows()
  for (const w of open) w.postMessage({ push: errand })
  if (doing === 'decline') return
  // The page of that user takes the errand; whichever is there is shown.
  const [page] = open
  if (page) await page.focus().catch(() => undefined)
  else await self.clients.openWindow(`./#push=${encodeURIComponent(JSON.stringify(errand))}`)
}
