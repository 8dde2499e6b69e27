// The REST routes, with the cookie of the session.
async function request(method, url, body) {
  const res = await fetch(url, {
    method,
    credentials: 'include',
    headers: body ? { 'Content-Type': 'application/json' } : undefined,
    body: body && JSON.stringify(body),
  });
  const data = await res.json();
  if (!res.ok) throw new Error(data.error);
  return data;
}

export const me = () => request('GET', '/api/auth/me');
export const login = (form) => request('POST', '/api/auth/login', form);
export const register = (form) => request('POST', '/api/auth/register', form);
export const logout = () => request('POST', '/api/auth/logout');
export const getOthers = () => request('GET', '/api/user/getothers');

export const getMessages = (userId) => request('GET', `/api/messages/${userId}`);
export const sendMessage = (userId, message) => request('POST', `/api/messages/send/${userId}`, message);
export const reactTo = (messageId, emoji) => request('POST', '/api/messages/react', { messageId, emoji });
export const deleteMessage = (messageId) => request('DELETE', `/api/messages/${messageId}`);
