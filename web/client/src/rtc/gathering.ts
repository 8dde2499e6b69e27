/**
 * Waits until ICE gathering is complete, or for so long at most: what has been
 * found by then is in `pc.localDescription`.
 */
export function gathered(pc: RTCPeerConnection, maxMs: number): Promise<void> {
  if (pc.iceGatheringState === 'complete') return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      pc.removeEventListener('icegatheringstatechange', look)
      resolve()
    }
    const look = () => {
      if (pc.iceGatheringState === 'complete') done()
    }
    const timer = setTimeout(done, maxMs)
    pc.addEventListener('icegatheringstatechange', look)
  })
}
