import { TandemError } from '../errors.js'

export interface DeviceChoice {
  microphone?: string | undefined
  camera?: string | undefined
}

/** What a call asks of the browser's media; tests give their own. */
export interface MediaSource {
  microphone(deviceId?: string): Promise<MediaStreamTrack>
  camera(deviceId?: string): Promise<MediaStreamTrack>
  /** Both with one question to the user, as far as both exist. */
  both(choice: DeviceChoice): Promise<MediaStreamTrack[]>
  screen(): Promise<MediaStreamTrack>
}

const SOUND: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
}

const PICTURE: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30, max: 30 },
  facingMode: 'user',
}

/** Cameras and microphones of the browser, with errors that can be explained. */
export const browserMedia: MediaSource = {
  async microphone(deviceId) {
    return first(await ask({ audio: chosen(SOUND, deviceId) }), 'audio')
  },

  async camera(deviceId) {
    return first(await ask({ video: chosen(PICTURE, deviceId) }), 'video')
  },

  async both(choice) {
    const audio = chosen(SOUND, choice.microphone)
    const video = chosen(PICTURE, choice.camera)
    try {
      return (await ask({ audio, video })).getTracks()
    } catch (err) {
      // No camera, or one that another program holds: a voice is still a call.
      if (!(err instanceof TandemError) || err.code === 'media_insecure') throw err
      return (await ask({ audio })).getTracks()
    }
  },

  async screen() {
    const devices = mediaDevices()
    if (!devices.getDisplayMedia) throw new TandemError('media_missing', 'This browser can not share its screen.')
    try {
      return first(await devices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } } }), 'video')
    } catch (err) {
      throw explained(err)
    }
  },
}

export interface Device {
  id: string
  kind: MediaDeviceKind
  label: string
}

/** Cameras, microphones and loudspeakers; labels need a permission given before. */
export async function listDevices(): Promise<Device[]> {
  const all = await mediaDevices().enumerateDevices()
  const counts = new Map<string, number>()
  return all
    .filter((d) => d.deviceId !== '')
    .map((d) => {
      const n = (counts.get(d.kind) ?? 0) + 1
      counts.set(d.kind, n)
      return { id: d.deviceId, kind: d.kind, label: d.label || `${names[d.kind]} ${n}` }
    })
}

/** Calls back when a device is plugged in or out; returns what stops that. */
export function onDeviceChange(listener: () => void): () => void {
  const devices = globalThis.navigator?.mediaDevices
  devices?.addEventListener('devicechange', listener)
  return () => devices?.removeEventListener('devicechange', listener)
}

const names: Record<MediaDeviceKind, string> = {
  audioinput: 'Microphone',
  audiooutput: 'Speaker',
  videoinput: 'Camera',
}

function mediaDevices(): MediaDevices {
  const devices = globalThis.navigator?.mediaDevices
  if (!devices) {
    throw new TandemError('media_insecure', 'Browsers give the camera and microphone to https pages and localhost only.')
  }
  return devices
}

async function ask(constraints: MediaStreamConstraints): Promise<MediaStream> {
  const devices = mediaDevices()
  try {
    return await devices.getUserMedia(constraints)
  } catch (err) {
    // A device that was chosen once and is unplugged now: any other will do.
    if (err instanceof DOMException && err.name === 'OverconstrainedError') {
      try {
        return await devices.getUserMedia({ audio: anyDevice(constraints.audio), video: anyDevice(constraints.video) })
      } catch (again) {
        throw explained(again)
      }
    }
    throw explained(err)
  }
}

function anyDevice(c: boolean | MediaTrackConstraints | undefined): boolean | MediaTrackConstraints {
  if (typeof c !== 'object') return c ?? false
  const { deviceId: _, ...rest } = c
  return rest
}

function chosen(base: MediaTrackConstraints, deviceId: string | undefined): MediaTrackConstraints {
  if (!deviceId) return base
  const { facingMode: _, ...rest } = base
  return { ...rest, deviceId: { exact: deviceId } }
}

function first(stream: MediaStream, kind: 'audio' | 'video'): MediaStreamTrack {
  const track = (kind === 'audio' ? stream.getAudioTracks() : stream.getVideoTracks())[0]
  if (!track) throw new TandemError('media_missing', `No ${kind} track.`)
  return track
}

/** DOMException names of getUserMedia (W3C mediacapture-streams §10.2) as codes. */
function explained(err: unknown): TandemError {
  const name = (err as { name?: string } | null)?.name
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return new TandemError('media_denied', 'The page may not use the camera or microphone.')
    case 'NotFoundError':
    case 'OverconstrainedError':
      return new TandemError('media_missing', 'There is no camera or microphone.')
    default:
      return new TandemError('media_busy', 'The camera or microphone could not be started.')
  }
}
