import { useState } from 'react';
import * as api from './api.js';

export default function AuthPage({ onUser }) {
  const [isNew, setIsNew] = useState(false);
  const [error, setError] = useState('');

  async function submit(e) {
    e.preventDefault();
    const form = Object.fromEntries(new FormData(e.target));
    try {
      onUser(await (isNew ? api.register(form) : api.login(form)));
    } catch (err) {
      setError(err.message);
    }
  }

  return (
    <form className="auth" onSubmit={submit}>
      <h1>{isNew ? 'Sign up' : 'Log in'}</h1>
      {isNew && (
        <>
          <input name="fullName" placeholder="Full name" required />
          <input name="email" type="email" placeholder="Email" required />
          <select name="gender" defaultValue="other">
            <option value="female">Female</option>
            <option value="male">Male</option>
            <option value="other">Other</option>
          </select>
        </>
      )}
      <input name="username" placeholder="Username" required />
      <input name="password" type="password" placeholder="Password" required />
      {error && <p className="error">{error}</p>}
      <button type="submit">{isNew ? 'Create account' : 'Log in'}</button>
      <button type="button" className="link" onClick={() => setIsNew(!isNew)}>
        {isNew ? 'I have an account' : 'I need an account'}
      </button>
    </form>
  );
}
