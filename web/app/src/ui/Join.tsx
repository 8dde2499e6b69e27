import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { lastName, nameInToken, slug } from '../identity'
import type { Store } from '../store'
import { Avatar } from './Avatar'
import { Logo } from './icons'

/** The first screen: who are you? */
export function Join({ store }: { store: Store }): JSX.Element {
  const [name, setName] = useState(lastName)
  const [token, setToken] = useState('')
  const [wantsToken, setWantsToken] = useState(false)
  const withToken = wantsToken || store.refusal?.needsToken === true
  const id = slug(name)
  const ready = withToken && token.trim() ? true : id !== ''

  const submit = (e: Event) => {
    e.preventDefault()
    if (!ready) return
    store.sounds.unlock()
    const secret = token.trim()
    void store.join(withToken && secret ? { name: nameInToken(secret) ?? name, token: secret } : { name: name.trim() })
  }

  return (
    <main class="join">
      <div class="orbs" aria-hidden="true">
        <i />
        <i />
      </div>
      <form class="join-card" onSubmit={submit}>
        <header class="brand">
          <Logo size={52} />
          <span>Tandem</span>
        </header>
        <h1>Face to face, in a moment.</h1>
        <p class="muted">Video and voice calls, straight from your browser.</p>

        {store.refusal && (
          <p class="notice" role="alert">
            {store.refusal.text}
          </p>
        )}

        {!withToken && (
          <label class="field">
            <span>Your name</span>
            <span class="name-row">
              <input
                data-testid="name-input"
                value={name}
                onInput={(e) => setName(e.currentTarget.value)}
                placeholder="How shall others see you?"
                maxLength={60}
                autocomplete="nickname"
                autocapitalize="words"
                spellcheck={false}
                autofocus
                aria-describedby="name-hint"
              />
              {id && <Avatar id={id} name={name} size={34} />}
            </span>
            <small id="name-hint" class="muted">
              {id ? (
                <>
                  Others call you as <b>{id}</b>
                </>
              ) : (
                'Letters or digits, in any script.'
              )}
            </small>
          </label>
        )}

        {withToken && (
          <label class="field">
            <span>Access token</span>
            <textarea
              data-testid="token-input"
              value={token}
              onInput={(e) => setToken(e.currentTarget.value)}
              rows={3}
              spellcheck={false}
              autocomplete="off"
              placeholder="eyJhbGciOi…"
            />
            <small class="muted">
              From your administrator, or from <code>tandem token</code>. Your name is in it.
            </small>
          </label>
        )}

        <button class="button primary" data-testid="join" type="submit" disabled={!ready}>
          Continue
        </button>
        <button
          class="button link"
          type="button"
          onClick={() => {
            store.refusal = undefined
            setWantsToken(!withToken)
            store.changed()
          }}
        >
          {withToken ? 'Use just a name' : 'I have an access token'}
        </button>
        {!isSecureContext && (
          <p class="notice" role="note">
            Browsers give the camera and microphone to https pages and to localhost only. On this address calls can be
            seen but not made.
          </p>
        )}
      </form>
    </main>
  )
}
