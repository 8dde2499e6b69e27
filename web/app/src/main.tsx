import { render } from 'preact'
import { App } from './ui/App'
import { recallIdentity, takeTokenFromAddress } from './identity'
import { Alerts, identityForErrand, takeErrandFromAddress } from './push/alerts'
import { Store } from './store'
import './style/base.css'
import './style/lobby.css'
import './style/call.css'
import './style/lists.css'
import './style/chat.css'
import './style/message.css'
import './style/menu.css'

const store = new Store()
store.alerts = new Alerts(store)
const errand = takeErrandFromAddress()
if (errand) store.alerts.take(errand)

const token = takeTokenFromAddress()
const identity = token ? { name: '', token } : (recallIdentity() ?? identityForErrand(errand))
if (identity) void store.join(identity)

// For tests and the curious: getStats and friends, read only.
Object.defineProperty(window, '__tandem', {
  value: Object.freeze({
    get client() {
      return store.client
    },
    get call() {
      return store.call
    },
    get incoming() {
      return store.incoming
    },
  }),
})

render(<App store={store} />, document.getElementById('app')!)
