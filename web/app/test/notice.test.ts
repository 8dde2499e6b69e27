import { describe, expect, it } from 'vitest'
import { readErrand } from '../src/push/errand'
import { decide, readPush, type Pushed } from '../src/sw/notice'

const call: Pushed = { type: 'call', user: 'bob', from: 'ann-lee', callId: 'c1', isVideoCall: true, expiresAt: 2000, at: 1000 }

describe('what is pushed', () => {
  it('rings while nobody looks, with a name whatever happens', () => {
    expect(decide(call, 1500, false).show).toMatchObject({
      title: 'Ann Lee is calling', body: 'Video call', tag: 'call:c1', ringing: true, about: { user: 'bob', from: 'ann-lee', callId: 'c1' },
    })
    expect(decide({ ...call, name: 'Ann' }, 1500, false).show?.title).toBe('Ann is calling')
    expect(decide(call, 1500, true)).toEqual({})
  })

  it('is a missed call where it comes late', () => {
    expect(decide(call, 2000, false)).toMatchObject({ close: 'call:c1', show: { title: 'Missed call from Ann Lee', ringing: false } })
  })

  it('closes the ring when it is over, and says what was missed', () => {
    const over: Pushed = { ...call, type: 'call-over', reason: 'answered_elsewhere' }
    expect(decide(over, 1500, false)).toEqual({ close: 'call:c1' })
    expect(decide({ ...over, missed: true }, 1500, false)).toMatchObject({ close: 'call:c1', show: { tag: 'missed:ann-lee' } })
    expect(decide({ ...over, missed: true }, 1500, true)).toEqual({ close: 'call:c1' })
  })

  it('has one notification for each conversation', () => {
    const m: Pushed = { type: 'message', user: 'bob', from: 'ann-lee', messageId: 'm', text: 'hi', at: 1 }
    expect(decide(m, 2, false).show).toMatchObject({ title: 'Ann Lee', body: 'hi', tag: 'talk:ann-lee', ringing: false })
    expect(decide({ ...m, text: '' }, 2, false).show?.body).toBe('Sent you a file')
  })

  it('leaves alone what it does not know', () => {
    for (const text of ['', 'null', '[]', '{}', '{"type":"call","user":"a","from":"b"}', '{"type":"new","user":"a","from":"b","callId":"c"}']) {
      expect(readPush(text)).toBeUndefined()
    }
    expect(readPush(JSON.stringify(call))).toEqual(call)
  })
})

describe('errands', () => {
  it('are taken as they were made, and nothing else is', () => {
    const errand = { do: 'answer', user: 'bob', from: 'ann', callId: 'c1' }
    expect(readErrand(errand)).toEqual(errand)
    for (const no of [null, 1, {}, { ...errand, do: 'x' }, { ...errand, user: 1 }, { ...errand, callId: {} }]) expect(readErrand(no)).toBeUndefined()
  })
})
