package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"time"
)

// devCertificateLife is short enough for every browser and phone.
const devCertificateLife = 90 * 24 * time.Hour

// load gives the TLS configuration, nil for plain HTTP, and the fingerprint of
// a certificate that was made just now.
func (t TLSFlags) load() (config *tls.Config, fingerprint string, err error) {
	var cert tls.Certificate
	switch {
	case t.TLSDev:
		cert, fingerprint, err = devCertificate(time.Now(), devNames(), lanAddresses())
	case t.TLSCert != "":
		cert, err = tls.LoadX509KeyPair(t.TLSCert, t.TLSKey)
	default:
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}, fingerprint, nil
}

// devNames are the names under which this machine may be reached.
func devNames() []string {
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "" && host != "localhost" {
		names = append(names, host)
		if !strings.Contains(host, ".") {
			names = append(names, host+".local")
		}
	}
	return names
}

// devCertificate makes a self-signed certificate for the names and addresses
// and for loopback. The fingerprint is SHA-256 over the certificate (DER), as
// browsers show it.
func devCertificate(now time.Time, names []string, ips []net.IP) (tls.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("making a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("making a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "Tandem development", Organization: []string{"Tandem"}},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(devCertificateLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              names,
		IPAddresses:           append([]net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, ips...),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("signing: %w", err)
	}
	sum := sha256.Sum256(der)
	hex := make([]string, len(sum))
	for i, b := range sum {
		hex[i] = fmt.Sprintf("%02X", b)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, strings.Join(hex, ":"), nil
}
