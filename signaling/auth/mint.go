package auth

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Mint signs an HS256 token for user with iat now and exp after ttl (0: never).
// extra claims are added as they are; they can not replace userId, sub, iat or
// exp. It serves development, tests and back ends written in Go.
func Mint(secret, user string, now time.Time, ttl time.Duration, extra map[string]any) (string, error) {
	if secret == "" {
		return "", errors.New("auth: a token needs a secret")
	}
	if !ValidUser(user) {
		return "", fmt.Errorf("auth: user %q: %w", user, ErrInvalidUser)
	}
	c := jwt.MapClaims{}
	maps.Copy(c, extra)
	delete(c, "exp")
	c["userId"], c["sub"], c["iat"] = user, user, now.Unix()
	if ttl > 0 {
		c["exp"] = now.Add(ttl).Unix()
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString([]byte(secret))
	if err != nil {
		return "", fmt.Errorf("auth: signing: %w", err)
	}
	return token, nil
}
