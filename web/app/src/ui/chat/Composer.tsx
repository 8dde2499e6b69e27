import type { Message } from '@tandem-rtc/client'
import type { JSX, RefObject } from 'preact'
import { useEffect, useLayoutEffect, useState } from 'preact/hooks'
import type { Chat } from '../../chat/chat'
import { gist } from '../../chat/entry'
import { asMedia } from '../../chat/links'
import type { Store } from '../../store'
import { Icon } from '../icons'

/** A message that is answered or changed by what is written. */
export interface Aim {
  kind: 'reply' | 'edit'
  message: Message
}

interface Props {
  store: Store
  chat: Chat
  peer: string
  field: RefObject<HTMLTextAreaElement | null>
  aim: Aim | undefined
  onAim: (aim: Aim | undefined) => void
  onEditLast: () => void
}

/** The server takes 16 KiB; a character may be four bytes. */
const MAX_LENGTH = 4000

/** Where messages are written. What is not sent stays, also while another conversation is open. */
export function Composer({ store, chat, peer, field, aim, onAim, onEditLast }: Props): JSX.Element {
  const [edited, setEdited] = useState('')
  const editing = aim?.kind === 'edit' ? aim.message : undefined
  const draft = editing ? edited : (store.desk!.drafts.get(peer) ?? '')
  const name = store.nameOf(peer)
  const typing = store.client!.typing
  useEffect(() => {
    if (editing) setEdited(editing.message)
  }, [editing])
  useLayoutEffect(() => grow(field.current), [draft])

  const write = (text: string): void => {
    if (editing) setEdited(text)
    else store.desk!.drafts.set(peer, text)
    store.changed()
  }
  const submit = async (): Promise<void> => {
    const text = draft.trim()
    if (!text) return
    typing.stop(peer)
    if (editing) {
      if (text !== editing.message && !(await chat.edit(editing, text))) return
    } else {
      const media = asMedia(text)
      if (!chat.send(peer, media ? '' : text, aim?.message, media)) return
      store.desk!.drafts.delete(peer)
    }
    onAim(undefined)
    store.changed()
  }
  return (
    <form
      class="composer-bar"
      onSubmit={(e) => {
        e.preventDefault()
        void submit()
      }}
    >
      {aim && (
        <div class="aim" data-testid="aim">
          <Icon name={aim.kind === 'edit' ? 'edit' : 'reply'} size={18} />
          <p>
            <b>{aim.kind === 'edit' ? 'Edit message' : `Reply to ${aim.message.senderId === chat.me ? 'yourself' : name}`}</b>
            <span>{gist(aim.message)}</span>
          </p>
          <button type="button" class="icon-button" aria-label="Cancel" onClick={() => onAim(undefined)}>
            <Icon name="close" size={18} />
          </button>
        </div>
      )}
      <div class="composer-row">
        <textarea
          ref={field}
          rows={1}
          data-testid="composer"
          aria-label={aim?.kind === 'edit' ? 'Edit message' : `Write to ${name}`}
          placeholder={`Write to ${name}`}
          value={draft}
          maxLength={MAX_LENGTH}
          enterkeyhint="send"
          onInput={(e) => {
            const text = e.currentTarget.value
            write(text)
            if (text) typing.key(peer)
            else typing.stop(peer)
          }}
          onBlur={() => typing.stop(peer)}
          onKeyDown={(e) => {
            if (e.isComposing) return
            if (e.key === 'Enter' && !e.shiftKey) {
              e.preventDefault()
              void submit()
            } else if (e.key === 'Escape' && aim) {
              e.preventDefault()
              onAim(undefined)
            } else if (e.key === 'ArrowUp' && !draft && !aim) {
              e.preventDefault()
              onEditLast()
            }
          }}
        />
        <button class="icon-button send" type="submit" data-testid="send" disabled={!draft.trim()} aria-label={editing ? 'Save' : 'Send'} title={editing ? 'Save' : 'Send (Enter)'}>
          <Icon name={editing ? 'check' : 'send'} />
        </button>
      </div>
    </form>
  )
}

/** As high as the text, up to six lines; the style has the bounds. */
function grow(el: HTMLTextAreaElement | null): void {
  if (!el) return
  el.style.height = 'auto'
  el.style.height = `${el.scrollHeight}px`
}
