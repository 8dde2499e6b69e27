import { Emitter } from '../emitter.js'
import type { DeviceChoice, MediaSource } from './media.js'

interface Events {
  /** A track or a switch changed. */
  change: []
}

/**
 * The tracks that this side of a call gives: microphone, camera, screen; which
 * of them are on; and which devices they come from. `attach` puts a track on
 * the line.
 */
export class LocalMedia extends Emitter<Events> {
  /** What a self view shows: the camera or the screen, and the microphone. */
  readonly stream = new MediaStream()
  readonly #source: MediaSource
  readonly #attach: (kind: 'audio' | 'video', track: MediaStreamTrack | null) => Promise<void>
  readonly choice: DeviceChoice
  /**
   * Keep the camera running while it is off, sending black: for peers that
   * could not be told, and would show the last picture for ever.
   */
  keepCamera = false
  #microphone: MediaStreamTrack | undefined
  #camera: MediaStreamTrack | undefined
  #screen: MediaStreamTrack | undefined
  #audioOn = false
  #videoOn = false
  #stopped = false

  constructor(
    source: MediaSource,
    choice: DeviceChoice,
    attach: (kind: 'audio' | 'video', track: MediaStreamTrack | null) => Promise<void>,
  ) {
    super()
    this.#source = source
    this.choice = { ...choice }
    this.#attach = attach
  }

  get audio(): boolean {
    return this.#audioOn
  }

  get video(): boolean {
    return this.#videoOn
  }

  get screen(): boolean {
    return this.#screen !== undefined
  }

  /** The tracks to put on the line of a new peer. */
  tracks(): ['audio' | 'video', MediaStreamTrack][] {
    const list: ['audio' | 'video', MediaStreamTrack][] = []
    if (this.#microphone) list.push(['audio', this.#microphone])
    const video = this.#screen ?? this.#camera
    if (video) list.push(['video', video])
    return list
  }

  /** Asks for the microphone and, for a video call, the camera. */
  async start(want: { audio: boolean; video: boolean }): Promise<void> {
    const tracks = want.video ? await this.#source.both(this.choice) : [await this.#source.microphone(this.choice.microphone)]
    for (const track of tracks) {
      if (this.#stopped) track.stop()
      else if (track.kind === 'audio') this.#takeMicrophone(track, want.audio)
      else this.#takeCamera(track)
    }
    this.#changed()
  }

  async setAudio(on: boolean): Promise<void> {
    if (on && !this.#microphone) {
      const track = await this.#source.microphone(this.choice.microphone)
      if (this.#stopped) return track.stop()
      this.#takeMicrophone(track, true)
      await this.#attach('audio', track)
    }
    this.#audioOn = on
    if (this.#microphone) this.#microphone.enabled = on
    this.#changed()
  }

  async setVideo(on: boolean): Promise<void> {
    if (on === this.#videoOn) return
    if (!on) return this.#cameraOff()
    if (this.#camera) this.#camera.enabled = true
    else {
      const track = await this.#source.camera(this.choice.camera)
      if (this.#stopped) return track.stop()
      this.#takeCamera(track)
      if (!this.#screen) await this.#attach('video', track)
    }
    this.#videoOn = true
    this.#changed()
  }

  async shareScreen(): Promise<void> {
    if (this.#screen) return
    const track = await this.#source.screen()
    if (this.#stopped) return track.stop()
    track.contentHint = 'detail'
    track.onended = () => void this.stopScreen()
    this.#screen = track
    await this.#attach('video', track)
    this.#changed()
  }

  async stopScreen(): Promise<void> {
    if (!this.#screen) return
    this.#drop(this.#screen)
    this.#screen = undefined
    await this.#attach('video', this.#camera ?? null)
    this.#changed()
  }

  async useMicrophone(deviceId: string | undefined): Promise<void> {
    const track = await this.#source.microphone(deviceId)
    if (this.#stopped) return track.stop()
    this.choice.microphone = deviceId
    if (this.#microphone) this.#drop(this.#microphone)
    this.#takeMicrophone(track, this.#audioOn)
    await this.#attach('audio', track)
    this.#changed()
  }

  async useCamera(deviceId: string | undefined): Promise<void> {
    this.choice.camera = deviceId
    if (!this.#camera) return
    const track = await this.#source.camera(deviceId)
    if (this.#stopped) return track.stop()
    this.#drop(this.#camera)
    this.#takeCamera(track, this.#videoOn)
    if (!this.#screen) await this.#attach('video', track)
    this.#changed()
  }

  stop(): void {
    this.#stopped = true
    for (const track of [this.#microphone, this.#camera, this.#screen]) if (track) this.#drop(track)
    this.#microphone = this.#camera = this.#screen = undefined
    this.#audioOn = this.#videoOn = false
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track)
  }

  async #cameraOff(): Promise<void> {
    this.#videoOn = false
    const camera = this.#camera
    if (camera && this.keepCamera) camera.enabled = false
    else if (camera) {
      this.#drop(camera)
      this.#camera = undefined
      if (!this.#screen) await this.#attach('video', null)
    }
    this.#changed()
  }

  #takeMicrophone(track: MediaStreamTrack, on: boolean): void {
    this.#microphone = track
    track.enabled = this.#audioOn = on
    // Unplugged: the system's next choice is better than silence.
    track.onended = () => void this.useMicrophone(undefined).catch(() => this.#lostMicrophone())
  }

  #lostMicrophone(): void {
    this.#microphone = undefined
    this.#audioOn = false
    this.#changed()
  }

  #takeCamera(track: MediaStreamTrack, on = true): void {
    this.#camera = track
    track.enabled = this.#videoOn = on
    track.onended = () => {
      this.#camera = undefined
      this.#videoOn = false
      if (!this.#screen) void this.#attach('video', null)
      this.#changed()
    }
  }

  #drop(track: MediaStreamTrack): void {
    track.onended = null
    track.stop()
  }

  #changed(): void {
    const now = this.tracks().map(([, track]) => track)
    for (const track of this.stream.getTracks()) if (!now.includes(track)) this.stream.removeTrack(track)
    const had = this.stream.getTracks()
    for (const track of now) if (!had.includes(track)) this.stream.addTrack(track)
    this.emit('change')
  }
}
