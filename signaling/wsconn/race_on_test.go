//go:build race

package wsconn

const churns = 3_200 // the detector makes each several times dearer
