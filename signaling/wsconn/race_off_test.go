//go:build !race

package wsconn

const churns = 20_000
