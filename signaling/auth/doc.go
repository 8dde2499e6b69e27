// Package auth turns what a client shows (a token, a cookie, a user id) into an
// Identity, and decides which web origins may use cookies. It holds no session
// and no connection: the dialects and the HTTP routes hand it Credentials and
// get an Identity or an error with a stable code back.
//
// Tokens are JSON Web Tokens (RFC 7519) in the JWS compact form (RFC 7515):
// HS256 with a shared secret, or RS256/384/512, PS256/384/512, ES256/384/512 and
// EdDSA with the keys of a JWKS URL (RFC 7517). The algorithm decides which of
// the two is asked, so a public key never serves as an HMAC secret, and "none"
// is refused.
//
// With neither a secret nor a JWKS URL the verifier is open: it trusts the user
// id of the query string, as long as the client is on this machine (see
// Verifier.Open and Credentials).
package auth
